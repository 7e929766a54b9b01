"""This search against plain Optuna: compute, and what the winners score on images never seen.

    python benchmarks/search.py                               the digits, packaged weights
    python benchmarks/search.py --data PATH --weights FILE --size 64 --limit 2000
    python benchmarks/search.py --data blur:PATH              how much was an image blurred?
    python benchmarks/search.py --data turn:PATH              by how much was it turned?

Four searches over freeze depth and learning rate take turns, each seed with other draws:
plain     Optuna's TPE; every trial trains from the images, newly augmented, at its freeze depth
pruned    the same with Optuna's median pruner
ours      the staged search at its leanest: one fold, the head is enqueued and may be chosen
shipped   `params/search.yaml` as it is
The last two with their freeze points, their cache and their finalists' confirmation runs, all
counted. Each has the same number of epochs a trial and may try the same number of settings, over
the same rates: those of layers below the head are the network's own, for all four. Decoding is
shared and counted for none. Compute is CPU-seconds of the process on one thread, on CUDA seconds.
Each winner is then trained from new head draws, from the images with endless augmentation as
`train` does it, --confirmations times, and scored on the test split; standard errors are over those
scores.
"""

import argparse
import json
import statistics
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1]))

import optuna
import torch
from torch import nn

from benchmarks.cases import Case, add_options_of_one, prepared
from benchmarks.fits import score_on_test, train, unheard
from components.frame import files
from components.frame.events import Events, narrator
from components.frame.seeds import derived_seed
from components.model.device import choose_device
from components.search import SearchParams
from components.study.plan import Plan
from components.study.run import make_plan
from components.study.search import Search
from components.study.space import Space
from components.study.trial_inputs import Reuse
from components.training.history import Epoch, OnEpoch
from components.training.recipe import Setting
from components.training.step import DivergedError

STARTUP = 5
"""Trials before the median pruner acts: Optuna's own choice."""
SHIPPED = Path(__file__).parents[1] / "params/search.yaml"
HEAD_FIRST = [{"freeze_depth": "head", "learning_rate": 1e-2}]
LEAN = {"head": "candidate", "folds": 1, "enqueue": HEAD_FIRST}
"""What the leanest search has of its own."""


@dataclass(frozen=True)
class Winner:
    """What a search ended with."""

    seconds: float
    """Compute of the search."""
    trials: int
    setting: Setting
    scores: list[float]
    """On the test images, one for each training of the setting."""


class Searches:
    """One case, and the searches over it."""

    def __init__(self, asked: argparse.Namespace, case: Case) -> None:
        self.asked, self.case = asked, case
        self.device = choose_device(asked.device)
        self.head = len(case.pretrained.groups) - 1

    @property
    def warming(self) -> Setting:
        """The head alone, which takes least."""
        return self.space.setting(self.head, self.space.plan.rates[1])

    @cached_property
    def space(self) -> Space:
        """The settings that there are, for all searches."""
        plan, folder = self.plan(0, LEAN), self.case.folder / "space"
        return Reuse(self.case.pretrained, self.case.images, plan, folder, self.device).space

    def plan(self, seed: int, own: Mapping[str, Any]) -> Plan:
        """What is shipped, but for what a search has of its own and what is asked for."""
        asked = self.asked
        same = {
            "strategy": asked.strategy,
            "max_trials": asked.trials,
            "compute": asked.compute,
            "epochs": asked.epochs,
            "learning_rate": {"low": asked.low, "high": asked.high},
            "seed": seed,
        }
        params = SearchParams.model_validate(files.read_yaml(SHIPPED) | same | own).model_dump()
        for name in ("subset", "device"):
            params.pop(name)
        return make_plan(self.case.pretrained, **params)

    def train(
        self, setting: Setting, seed: int, on_epoch: OnEpoch = unheard
    ) -> tuple[nn.Module, list[float]]:
        """Train from the images; the network and its validation scores."""
        epochs, device = self.asked.epochs, self.device
        model, done = train(
            self.case, setting, epochs=epochs, seed=seed, device=device, on_epoch=on_epoch
        )
        return model, [epoch.validation_score for epoch in done.history]

    def plain(self, seed: int) -> tuple[Setting, int]:
        """Optuna alone, every trial to its end."""
        return self._optuna(seed, optuna.pruners.NopPruner())

    def pruned(self, seed: int) -> tuple[Setting, int]:
        """Optuna alone, with its median pruner."""
        return self._optuna(seed, optuna.pruners.MedianPruner(n_startup_trials=STARTUP))

    def _optuna(self, seed: int, pruner: optuna.pruners.BasePruner) -> tuple[Setting, int]:
        sampler = optuna.samplers.TPESampler(seed=seed)
        study = optuna.create_study(direction="maximize", sampler=sampler, pruner=pruner)

        def objective(trial: optuna.Trial) -> float:
            freeze_depth = trial.suggest_int("freeze_depth", 0, self.head)
            rate = trial.suggest_float("learning_rate", *self.space.plan.rates, log=True)

            def on_epoch(epoch: Epoch, *_: float) -> bool:
                trial.report(epoch.validation_score, epoch.epoch)
                return bool(epoch.epoch < self.asked.epochs and trial.should_prune())

            own = derived_seed(seed, trial.number)
            _, curve = self.train(self._setting(freeze_depth, rate), own, on_epoch)
            if len(curve) < self.asked.epochs:
                raise optuna.TrialPruned
            return curve[-1]

        study.optimize(objective, n_trials=self.asked.trials, catch=(DivergedError,))
        return self._setting(**study.best_params), len(study.trials)

    def _setting(self, freeze_depth: int, learning_rate: float) -> Setting:
        return self.space.setting(freeze_depth, learning_rate)

    def ours(self, seed: int) -> tuple[Setting, int]:
        """The staged search at its leanest."""
        return self._staged(seed, LEAN)

    def shipped(self, seed: int) -> tuple[Setting, int]:
        """So too, as its parameters are shipped."""
        return self._staged(seed, {})

    def _staged(self, seed: int, own: Mapping[str, Any]) -> tuple[Setting, int]:
        """From an empty cache."""
        case, plan = self.case, self.plan(seed, own)
        folder = case.folder / f"{'ours' if own else 'shipped'}-{seed}"
        log = Events(folder / "events.jsonl", narrator())
        search = Search(plan, case.images, case.pretrained, folder, folder, log, self.device)
        found = search.run()
        return found.chosen, len(found.trials)

    def measured(self, name: str, seed: int) -> Winner:
        """Run a search and score its winner."""
        search = SEARCHES[name]
        begun = self._clock()
        setting, trials = search(self, seed)
        seconds = self._clock() - begun
        scores = []
        for number in range(self.asked.confirmations):
            model, _ = self.train(setting, derived_seed(seed, number, 2))
            scores.append(score_on_test(self.case, model, self.device))
        layer = self.case.pretrained.layers[setting.freeze_depth]
        print(
            f"seed {seed} {name}: {seconds:.1f} s, {trials} trained; freeze depth "
            f"{setting.freeze_depth} {layer} at {setting.learning_rate:.2g} (layers "
            f"{setting.learning_rate * setting.backbone_rate:.2g}); test "
            f"{statistics.mean(scores):.3f}",
            flush=True,
        )
        return Winner(seconds, trials, setting, scores)

    def _clock(self) -> float:
        if self.device.type != "cuda":
            return time.process_time()
        torch.cuda.synchronize()
        return time.perf_counter()


SEARCHES: dict[str, Callable[[Searches, int], tuple[Setting, int]]] = {
    "plain": Searches.plain,
    "pruned": Searches.pruned,
    "ours": Searches.ours,
    "shipped": Searches.shipped,
}
"""In their first order."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    add_options_of_one(parser, limit=2000)
    parser.add_argument("--trials", type=int, default=16)
    parser.add_argument("--epochs", type=int, default=4)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--first-seed", type=int, default=0)
    parser.add_argument("--confirmations", type=int, default=3, help="trainings of each winner")
    parser.add_argument("--low", type=rate, default="auto", help="the head's lowest rate, or auto")
    parser.add_argument("--high", type=rate, default="auto", help="its highest rate, or auto")
    parser.add_argument("--compute", type=float, default=1.0)
    parser.add_argument("--strategy", choices=("staged", "tpe"), default="staged")
    parser.add_argument("--without", nargs="*", default=[], choices=SEARCHES)
    parser.add_argument("--device", default="auto")
    asked = parser.parse_args()
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    with prepared(asked) as case:
        report(asked, compare(asked, Searches(asked, case)))


def rate(text: str) -> float | str:
    """A rate, or `auto`."""
    return text if text == "auto" else float(text)


def compare(asked: argparse.Namespace, searches: Searches) -> dict[str, list[Winner]]:
    """All searches, in turns, the first place going round."""
    searches.train(searches.warming, 0)  # what a process does once is nobody's:
    optuna.create_study(storage=f"sqlite:///{searches.case.folder / 'first.db'}")  # imports, too
    names = [name for name in SEARCHES if name not in asked.without]
    runs: dict[str, list[Winner]] = {name: [] for name in names}
    for number in range(asked.seeds):
        turn, seed = number % len(names), asked.first_seed + number
        for name in names[turn:] + names[:turn]:
            runs[name].append(searches.measured(name, seed))
    return runs


def report(asked: argparse.Namespace, runs: dict[str, list[Winner]]) -> None:
    """A table, and what others read."""
    print(f"\n{asked.data}, {asked.size} px, {asked.trials} trials of {asked.epochs} epochs")
    print("| search | compute, s | plain takes times | pruned takes | on test | standard error |")
    print("|---|---|---|---|---|---|")
    scores = {name: [s for run in found for s in run.scores] for name, found in runs.items()}
    for name, found in runs.items():
        seconds = statistics.mean(run.seconds for run in found)
        print(
            f"| {name} | {seconds:.1f} | {shown(ratio(runs, 'plain', name))} "
            f"| {shown(ratio(runs, 'pruned', name))} | {statistics.mean(scores[name]):.4f} "
            f"| {error(scores[name]):.4f} |"
        )
    if asked.json:
        print(json.dumps(figures(asked, runs, scores)))


def figures(
    asked: argparse.Namespace,
    runs: Mapping[str, list[Winner]],
    scores: Mapping[str, list[float]],
) -> dict[str, Any]:
    """What others read; `ours` is the lean search."""
    both = sum(error(scores.get(name, [])) ** 2 for name in ("ours", "plain")) ** 0.5
    return {
        "ratio_vs_plain": ratio(runs, "plain", "ours"),
        "ratio_vs_pruned": ratio(runs, "pruned", "ours"),
        "shipped_ratio_vs_plain": ratio(runs, "plain", "shipped"),
        "shipped_ratio_vs_pruned": ratio(runs, "pruned", "shipped"),
        **{f"score_{name}": statistics.mean(found) for name, found in scores.items()},
        "score_standard_error": both,
        "trials": asked.trials,
        "seeds": asked.seeds,
        "data": asked.data,
    }


def ratio(runs: Mapping[str, list[Winner]], one: str, other: str) -> float | None:
    """How many times the compute of another search one takes; none: one of them was left out."""
    spent = [sum(run.seconds for run in runs.get(name, [])) for name in (one, other)]
    return spent[0] / spent[1] if all(spent) else None


def shown(value: float | None) -> str:
    """A ratio, if there is one."""
    return "" if value is None else f"{value:.1f}"


def error(values: list[float]) -> float:
    """Standard error of the mean."""
    if len(values) < 2:  # noqa: PLR2004  # one has no spread
        return 0.0
    return float(statistics.stdev(values) / len(values) ** 0.5)


if __name__ == "__main__":
    main()
