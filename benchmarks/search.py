"""This search against plain Optuna: compute, and what the winners score on images never seen.

    python benchmarks/search.py                               the digits, packaged weights
    python benchmarks/search.py --data PATH --weights FILE --size 64 --limit 2000
    python benchmarks/search.py --data blur:PATH              how much was an image blurred?
    python benchmarks/search.py --data turn:PATH              by how much was it turned?

Three searches over freeze depth and learning rate take turns, each seed with other draws:
plain   Optuna's TPE; every trial trains from the images, newly augmented, at its freeze depth
pruned  the same with Optuna's median pruner
ours    the staged search, with its freeze points, its cache and its finalists' confirmation runs,
all counted Each has the same number of epochs a trial and may try the same number of settings.
Decoding is shared and counted for none. Compute is CPU-seconds of the process on one thread, on
CUDA seconds. Each winner is then trained from new head draws, from the images with endless
augmentation as `train` does it, --confirmations times, and scored on the test split; standard
errors are over those scores.
"""

import argparse
import json
import statistics
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

import optuna
import torch
from torch import nn

from benchmarks.cases import Case, add_options_of_one, prepared
from benchmarks.fits import plan_of, score_on_test, train, unheard
from components.frame.events import Events, narrator
from components.frame.seeds import derived_seed
from components.model.device import choose_device
from components.study.search import Search
from components.training.history import Epoch, OnEpoch
from components.training.recipe import Setting
from components.training.step import DivergedError

STARTUP = 5
"""Trials before the median pruner acts: Optuna's own choice."""
HEAD_RATE = 1e-2
WHOLE = Setting(freeze_depth=0, learning_rate=1e-3)
"""Full fine-tuning."""


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

    def train(
        self, setting: Setting, seed: int, on_epoch: OnEpoch = unheard
    ) -> tuple[nn.Module, list[float]]:
        """Train from the images; the network and its validation scores."""
        epochs, device = self.asked.epochs, self.device
        model, done = train(
            self.case, setting, epochs=epochs, seed=seed, device=device, on_epoch=on_epoch
        )
        return model, [epoch.validation_score for epoch in done.history]

    def optuna(self, seed: int, pruner: optuna.pruners.BasePruner) -> tuple[Setting, int]:
        """Optuna alone, in memory."""
        sampler = optuna.samplers.TPESampler(seed=seed)
        study = optuna.create_study(direction="maximize", sampler=sampler, pruner=pruner)

        def objective(trial: optuna.Trial) -> float:
            freeze_depth = trial.suggest_int("freeze_depth", 0, self.head)
            rate = trial.suggest_float("learning_rate", self.asked.low, self.asked.high, log=True)

            def on_epoch(epoch: Epoch, *_: float) -> bool:
                trial.report(epoch.validation_score, epoch.epoch)
                return bool(epoch.epoch < self.asked.epochs and trial.should_prune())

            own = derived_seed(seed, trial.number)
            setting = Setting(freeze_depth=freeze_depth, learning_rate=rate)
            _, curve = self.train(setting, own, on_epoch)
            if len(curve) < self.asked.epochs:
                raise optuna.TrialPruned
            return curve[-1]

        study.optimize(objective, n_trials=self.asked.trials, catch=(DivergedError,))
        return Setting(**study.best_params), len(study.trials)

    def ours(self, seed: int) -> tuple[Setting, int]:
        """The staged search, from an empty cache."""
        asked, case = self.asked, self.case
        head = Setting(freeze_depth=self.head, learning_rate=min(HEAD_RATE, asked.high))
        plan = plan_of(
            case.pretrained,
            strategy=asked.strategy,
            max_trials=asked.trials,
            compute=asked.compute,
            epochs=asked.epochs,
            rates=(asked.low, asked.high),
            enqueued=(head, WHOLE) if asked.enqueue_whole else (head,),
            views=asked.views,
            cache_bytes=2**34,
            cache_precision="float32",
            seed=seed,
            precision="auto",
        )
        folder = case.folder / f"ours-{seed}"
        log = Events(folder / "events.jsonl", narrator())
        search = Search(plan, case.images, case.pretrained, folder, folder, log, self.device)
        found = search.run()
        return found.chosen, len(found.trials)

    def measured(self, name: str, seed: int, search: Callable[[], tuple[Setting, int]]) -> Winner:
        """Run a search and score its winner."""
        begun = self._clock()
        setting, trials = search()
        seconds = self._clock() - begun
        scores = []
        for number in range(self.asked.confirmations):
            model, _ = self.train(setting, derived_seed(seed, number, 2))
            scores.append(score_on_test(self.case, model, self.device))
        layer = self.case.pretrained.layers[setting.freeze_depth]
        print(
            f"seed {seed} {name}: {seconds:.1f} s, {trials} trained; freeze depth "
            f"{setting.freeze_depth} {layer} at {setting.learning_rate:.2g}; test "
            f"{statistics.mean(scores):.3f}",
            flush=True,
        )
        return Winner(seconds, trials, setting, scores)

    def _clock(self) -> float:
        if self.device.type != "cuda":
            return time.process_time()
        torch.cuda.synchronize()
        return time.perf_counter()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    add_options_of_one(parser, limit=2000)
    parser.add_argument("--trials", type=int, default=16)
    parser.add_argument("--epochs", type=int, default=6)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--first-seed", type=int, default=0)
    parser.add_argument("--confirmations", type=int, default=3, help="trainings of each winner")
    parser.add_argument("--low", type=float, default=1e-4, help="lowest learning rate")
    parser.add_argument("--high", type=float, default=1e-2, help="highest learning rate")
    parser.add_argument("--views", type=int, default=2)
    parser.add_argument("--compute", type=float, default=1.0)
    parser.add_argument("--strategy", choices=("staged", "tpe"), default="staged")
    parser.add_argument("--enqueue-whole", action="store_true", help="full fine-tuning at 1e-3 too")
    parser.add_argument("--without", nargs="*", default=[], choices=("plain", "pruned"))
    parser.add_argument("--device", default="auto")
    asked = parser.parse_args()
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    with prepared(asked) as case:
        report(asked, compare(asked, Searches(asked, case)))


def compare(asked: argparse.Namespace, searches: Searches) -> dict[str, list[Winner]]:
    """All searches, in turns, the first place going round."""
    searches.train(WHOLE, 0)  # what a process does once is nobody's:
    optuna.create_study(storage=f"sqlite:///{searches.case.folder / 'first.db'}")  # imports, too
    pruner = optuna.pruners.MedianPruner(n_startup_trials=STARTUP)
    by_name = {
        "plain": lambda seed: searches.optuna(seed, optuna.pruners.NopPruner()),
        "pruned": lambda seed: searches.optuna(seed, pruner),
        "ours": searches.ours,
    }
    names = [name for name in by_name if name not in asked.without]
    runs: dict[str, list[Winner]] = {name: [] for name in names}
    for number in range(asked.seeds):
        turn, seed = number % len(names), asked.first_seed + number
        for name in names[turn:] + names[:turn]:
            search = by_name[name]
            runs[name].append(searches.measured(name, seed, partial(search, seed)))
    return runs


def report(asked: argparse.Namespace, runs: dict[str, list[Winner]]) -> None:
    """A table, and what others read."""
    print(f"\n{asked.data}, {asked.size} px, {asked.trials} trials of {asked.epochs} epochs")
    print("| search | compute, s | ours is faster | winner on test | standard error |")
    print("|---|---|---|---|---|")
    ours = sum(run.seconds for run in runs["ours"])
    ratios = {name: sum(run.seconds for run in found) / ours for name, found in runs.items()}
    scores = {name: [s for run in found for s in run.scores] for name, found in runs.items()}
    means = {name: statistics.mean(found) for name, found in scores.items()}
    errors = {name: error(found) for name, found in scores.items()}
    for name, found in runs.items():
        seconds = statistics.mean(run.seconds for run in found)
        print(
            f"| {name} | {seconds:.1f} | {ratios[name]:.1f} | {means[name]:.4f} "
            f"| {errors[name]:.4f} |"
        )
    if asked.json:
        both = (errors["ours"] ** 2 + errors.get("plain", 0.0) ** 2) ** 0.5
        print(
            json.dumps(
                {
                    "ratio_vs_plain": ratios.get("plain"),
                    "ratio_vs_pruned": ratios.get("pruned"),
                    "score_plain": means.get("plain"),
                    "score_ours": means["ours"],
                    "score_standard_error": both,
                    "trials": asked.trials,
                    "seeds": asked.seeds,
                    "data": asked.data,
                    "score_pruned": means.get("pruned"),
                }
            )
        )


def error(values: list[float]) -> float:
    """Standard error of the mean."""
    if len(values) < 2:  # noqa: PLR2004  # one has no spread
        return 0.0
    return float(statistics.stdev(values) / len(values) ** 0.5)


if __name__ == "__main__":
    main()
