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
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

import optuna
import torch
from cases import Case, case

from components.frame.events import Events
from components.frame.seeds import derived_seed
from components.model.device import choose_device
from components.study.plan import Plan
from components.study.search import Search
from components.training.feed import ImageFeed
from components.training.fit import fit
from components.training.recipe import CHOICES, Recipe, Setting
from components.training.step import DivergedError
from components.training.validate import validate

BATCH = 32
STARTUP = 5
"""Trials before the median pruner acts: Optuna's own choice."""
HEAD_RATE = 1e-2
WHOLE = Setting(freeze_depth=0, learning_rate=1e-3)


@dataclass
class Run:
    """One search's outcome."""

    seconds: float
    trials: int
    setting: Setting
    scores: list[float]


class Bench:
    """One case, and the searches over it."""

    def __init__(self, asked: argparse.Namespace, made: Case, folder: Path) -> None:
        self.asked, self.case, self.folder = asked, made, folder
        self.device = choose_device(asked.device)
        self.last = len(made.pretrained.groups) - 1

    def train(
        self, setting: Setting, seed: int, on_epoch: Callable[..., bool] = lambda *_: False
    ) -> tuple[torch.nn.Module, list[float]]:
        """Train from the images; the network and its validation accuracies."""
        feed = ImageFeed(
            images=self.case.images,
            batch_size=BATCH,
            magnitude=setting.magnitude,
            seed=seed,
            workers=0,
        )
        epochs = self.asked.epochs
        recipe = Recipe(setting=setting, epochs=epochs, patience=epochs, seed=seed)
        model = self.case.pretrained.network(seed)
        keep = self.folder / "keep.safetensors"
        keep.unlink(missing_ok=True)
        done = fit(
            model,
            self.case.pretrained.groups,
            feed,
            self.case.images.task,
            recipe,
            device=self.device,
            keep=keep,
            keep_best=False,
            on_epoch=on_epoch,
        )
        return model, [epoch.validation_score for epoch in done.history]

    def optuna(self, seed: int, pruner: optuna.pruners.BasePruner) -> tuple[Setting, int]:
        """Optuna alone, in memory."""
        sampler = optuna.samplers.TPESampler(seed=seed)
        study = optuna.create_study(direction="maximize", sampler=sampler, pruner=pruner)

        def objective(trial: optuna.Trial) -> float:
            freeze_depth = trial.suggest_int("freeze_depth", 0, self.last)
            rate = trial.suggest_float("learning_rate", self.asked.low, self.asked.high, log=True)

            def on_epoch(epoch: object, *_: float) -> bool:
                trial.report(epoch.validation_score, epoch.epoch)
                return epoch.epoch < self.asked.epochs and trial.should_prune()

            own = derived_seed(seed, trial.number)
            _, curve = self.train(
                Setting(freeze_depth=freeze_depth, learning_rate=rate), own, on_epoch
            )
            if len(curve) < self.asked.epochs:
                raise optuna.TrialPruned
            return curve[-1]

        study.optimize(objective, n_trials=self.asked.trials, catch=(DivergedError,))
        return Setting(**study.best_params), len(study.trials)

    def ours(self, seed: int) -> tuple[Setting, int]:
        """The staged search, from an empty cache."""
        asked = self.asked
        head = (Setting(freeze_depth=self.last, learning_rate=min(HEAD_RATE, asked.high)),)
        whole = (WHOLE,) if asked.enqueue_whole else ()
        plan = Plan(
            strategy=asked.strategy,
            max_trials=asked.trials,
            max_minutes=None,
            compute=asked.compute,
            epochs=asked.epochs,
            freeze_depths=(0, self.last),
            rates=(asked.low, asked.high),
            enqueued=head + whole,
            prune_after=0,
            confirmation_runs=1,
            views=asked.views,
            cache_bytes=2**34,
            cache_precision="float32",
            batch_size=BATCH,
            choices={name: (getattr(WHOLE, name),) for name in CHOICES},
            seed=seed,
            precision="auto",
            workers=0,
        )
        folder = self.folder / f"ours-{seed}"
        made, log = self.case, Events(folder / "events.jsonl")
        search = Search(plan, made.images, made.pretrained, folder, folder, log, self.device)
        found = search.run()
        return found.chosen, len(found.trials)

    def measured(self, name: str, seed: int, search: Callable[[], tuple[Setting, int]]) -> Run:
        """Run a search and score its winner."""
        begun = self._clock()
        setting, trials = search()
        seconds = self._clock() - begun
        scores = []
        for number in range(self.asked.confirmations):
            model, _ = self.train(setting, derived_seed(seed, number, 2))
            test, task = self.case.test.batches(64), self.case.images.task
            scores.append(validate(model, test, task, device=self.device).score)
        layer = self.case.pretrained.layers[setting.freeze_depth]
        print(
            f"seed {seed} {name}: {seconds:.1f} s, {trials} trained; freeze depth "
            f"{setting.freeze_depth} {layer} at {setting.learning_rate:.2g}; test "
            f"{statistics.mean(scores):.3f}",
            flush=True,
        )
        return Run(seconds, trials, setting, scores)

    def _clock(self) -> float:
        if self.device.type != "cuda":
            return time.process_time()
        torch.cuda.synchronize()
        return time.perf_counter()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument(
        "--data", default="digits", help="digits, a folder, an archive, blur: or turn:PATH"
    )
    parser.add_argument("--weights", default="package", help="package, none or a file")
    parser.add_argument("--size", type=int, default=48)
    parser.add_argument("--limit", type=int, default=2000, help="images, all splits together")
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
    parser.add_argument("--json", action="store_true", help="one JSON object as the last line")
    asked = parser.parse_args()
    torch.set_num_threads(1)
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        made = case(asked.data, asked.weights, asked.size, asked.limit, folder)
        report(asked, compare(asked, Bench(asked, made, folder)))


def compare(asked: argparse.Namespace, bench: Bench) -> dict[str, list[Run]]:
    """All searches, in turns, the first place going round."""
    bench.train(WHOLE, 0)  # what a process does once is nobody's:
    optuna.create_study(storage=f"sqlite:///{bench.folder / 'first.db'}")  # imports, too
    pruner = optuna.pruners.MedianPruner(n_startup_trials=STARTUP)
    searches = {
        "plain": lambda seed: bench.optuna(seed, optuna.pruners.NopPruner()),
        "pruned": lambda seed: bench.optuna(seed, pruner),
        "ours": bench.ours,
    }
    names = [name for name in searches if name not in asked.without]
    runs: dict[str, list[Run]] = {name: [] for name in names}
    for number in range(asked.seeds):
        turn, seed = number % len(names), asked.first_seed + number
        for name in names[turn:] + names[:turn]:
            search = searches[name]
            runs[name].append(bench.measured(name, seed, lambda s=search, n=seed: s(n)))
    return runs


def report(asked: argparse.Namespace, runs: dict[str, list[Run]]) -> None:
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
    return statistics.stdev(values) / len(values) ** 0.5


if __name__ == "__main__":
    main()
