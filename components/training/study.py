"""The search as a study: which settings are tried, and what each reached.

One process, one SQLite file. Everything drawn depends on the seed and the trial's number, so a
search that was killed and goes on ends with the same trials as one that was not.
"""

import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import optuna
from optuna.trial import FrozenTrial, TrialState

from components import events
from components.data.dataset import derived_seed
from components.errors import DataError, UsageError
from components.events import Events
from components.training.device import choose_device
from components.training.feed import PictureFeed, Pictures
from components.training.fit import DivergedError, Epoch, Recipe, fit
from components.training.report import EpochReport, duration
from components.training.start import Start

if TYPE_CHECKING:
    from components.search import SearchParams

STATES = {TrialState.COMPLETE: "complete", TrialState.PRUNED: "pruned", TrialState.FAIL: "failed"}


@dataclass(frozen=True)
class Trial:
    """A finished trial."""

    number: int
    state: str
    """`complete`, `pruned` or `failed`."""
    origin: str
    """`enqueued` or `sampled`."""
    depth: int
    layer: str
    """The first trained one."""
    trained_share: float
    learning_rate: float
    history: tuple[dict[str, Any], ...]
    """An `Epoch` each, as a dictionary."""

    @property
    def validation_accuracy(self) -> float:
        """Of the last epoch."""
        return float(self.history[-1]["validation_accuracy"]) if self.history else float("nan")

    @property
    def validation_loss(self) -> float:
        """Of the last epoch."""
        return float(self.history[-1]["validation_loss"]) if self.history else float("nan")

    def row(self) -> dict[str, Any]:
        """As a line of `trials.csv`."""
        line = {key: value for key, value in asdict(self).items() if key != "history"}
        return line | {
            "epochs": len(self.history),
            "validation_accuracy": self.validation_accuracy,
            "validation_loss": self.validation_loss,
        }


class Search:
    """A search over freeze depth and learning rate that can be killed and goes on."""

    def __init__(
        self, params: "SearchParams", pictures: Pictures, start: Start, folder: Path, log: Events
    ) -> None:
        self.params, self.pictures, self.start = params, pictures, start
        self.folder, self.log = folder, log
        self.device = choose_device(params.device)
        self.range = self._depth_range()
        self.study = self._open()

    def run(self) -> Trial:
        """Try settings until there are `max_trials`; the best complete one.

        Raises:
            DataError: no trial reached its end.
        """
        self._tell_missing_events()
        for number in range(len(self.finished()), self.params.max_trials):
            self._try(number)
        done = [trial for trial in self.finished() if trial.state == "complete"]
        if not done:
            raise DataError(
                "no trial of the search reached its end; see the reasons above. Lower "
                "search.learning_rate.high, or look at the pictures."
            )
        return max(done, key=lambda t: (t.validation_accuracy, -t.validation_loss, -t.number))

    def finished(self) -> list[Trial]:
        """Every finished trial in order."""
        return [self._trial(t) for t in self.study.get_trials(deepcopy=False) if t.state in STATES]

    def _depth_range(self) -> tuple[int, int]:
        low = self.start.depth(self.params.depth_from)
        high = self.start.depth(self.params.depth_to)
        if low > high:
            raise UsageError(
                "params/search.yaml: `depth_from <= depth_to` must hold, but got "
                f"{low} ({self.start.layers[low]}) and {high} ({self.start.layers[high]})."
            )
        return low, high

    def _open(self) -> optuna.Study:
        optuna.logging.set_verbosity(optuna.logging.WARNING)
        study = optuna.create_study(
            storage=f"sqlite:///{self.folder / 'study.db'}",
            study_name="search", direction="maximize", load_if_exists=True,
            pruner=self._pruner(),
        )  # fmt: skip
        if not study.get_trials(deepcopy=False):
            for setting in self.params.enqueue:
                depth = min(max(self.start.depth(setting.depth), self.range[0]), self.range[1])
                study.enqueue_trial({"depth": depth, "learning_rate": setting.learning_rate})
        return study

    def _pruner(self) -> optuna.pruners.BasePruner:
        if not self.params.prune_after:
            return optuna.pruners.NopPruner()
        return optuna.pruners.MedianPruner(n_startup_trials=self.params.prune_after)

    def _try(self, number: int) -> None:
        started = time.monotonic()
        trial, depth, rate = self._ask(number)
        self._announce(number, depth, rate)
        keep = self.folder / "trials" / f"{number:04}.safetensors"
        value, state = self._fit(trial, depth, rate, keep)
        self.study.tell(trial, value, state)
        keep.unlink(missing_ok=True)
        self._tell_event(self.finished()[-1], time.monotonic() - started)

    def _ask(self, number: int) -> tuple[optuna.Trial, int, float]:
        """The next trial, or the one that a kill left behind: drawn again it is the same."""
        self.study.sampler = optuna.samplers.TPESampler(
            seed=derived_seed(self.params.seed, number), n_startup_trials=6
        )
        left = [t for t in self.study.get_trials(deepcopy=False) if t.state is TrialState.RUNNING]
        trial = optuna.Trial(self.study, left[0]._trial_id) if left else self.study.ask()  # noqa: SLF001
        depth = trial.suggest_int("depth", *self.range)
        rates = self.params.learning_rate
        return trial, depth, trial.suggest_float("learning_rate", rates.low, rates.high, log=True)

    def _fit(
        self, trial: optuna.Trial, depth: int, rate: float, keep: Path
    ) -> tuple[float | None, TrialState]:
        history: list[dict[str, Any]] = []
        seed = derived_seed(self.params.seed, trial.number, 1)
        name = f"trial-{trial.number:04}"
        report = EpochReport(self.log, name, trial=trial.number, epochs=self.params.epochs)
        told = set(self.study.get_trials(deepcopy=False)[trial.number].intermediate_values)

        def on_epoch(epoch: Epoch, seconds: float, speed: float) -> bool:
            history.append(asdict(epoch))
            report(epoch, seconds, speed)
            if epoch.epoch not in told:
                trial.report(epoch.validation_accuracy, epoch.epoch)
            return epoch.epoch < self.params.epochs and trial.should_prune()

        try:
            fit(
                self.start.network(seed), self.start.groups, self._feed(seed),
                self._recipe(depth, rate, seed), device=self.device, keep=keep, keep_best=False,
                on_epoch=on_epoch,
            )  # fmt: skip
        except DivergedError as error:
            print(f"  failed: {error}", flush=True)
            return None, TrialState.FAIL
        trial.set_user_attr("history", history)
        if len(history) < self.params.epochs:
            return None, TrialState.PRUNED
        return history[-1]["validation_accuracy"], TrialState.COMPLETE

    def _feed(self, seed: int) -> PictureFeed:
        params = self.params
        return PictureFeed(self.pictures, params.batch_size, params.strength, seed, params.workers)

    def _recipe(self, depth: int, rate: float, seed: int) -> Recipe:
        params = self.params
        return Recipe(
            depth, rate, params.weight_decay, params.label_smoothing, params.epochs,
            patience=params.epochs, seed=seed, precision=params.precision,
        )  # fmt: skip

    def _trial(self, found: FrozenTrial) -> Trial:
        depth = found.params["depth"]
        return Trial(
            found.number, STATES[found.state],
            "enqueued" if "fixed_params" in found.system_attrs else "sampled",
            depth, self.start.layers[depth], round(self.start.shares[depth], 4),
            found.params["learning_rate"], tuple(found.user_attrs.get("history", ())),
        )  # fmt: skip

    def _announce(self, number: int, depth: int, rate: float) -> None:
        done = [e for e in events.read(self.log.path) if e["kind"] == "trial"]
        left = ""
        if done:
            mean = sum(event["seconds"] for event in done) / len(done)
            left = f", about {duration(mean * (self.params.max_trials - number))} left"
        print(
            f"trial {number + 1} of {self.params.max_trials}: trained from "
            f"{self.start.layers[depth]} on ({self.start.shares[depth]:.0%} of the parameters), "
            f"learning rate {rate:.2g}{left}",
            flush=True,
        )

    def _tell_event(self, trial: Trial, seconds: float) -> None:
        accuracy = trial.validation_accuracy if trial.history else None
        self.log.emit(
            "trial", number=trial.number, state=trial.state, value=accuracy, depth=trial.depth,
            layer=trial.layer, trained_share=trial.trained_share,
            learning_rate=trial.learning_rate, seconds=seconds,
        )  # fmt: skip

    def _tell_missing_events(self) -> None:
        """A kill between a trial's end and its event leaves the event to be told now."""
        seen = {e["number"] for e in events.read(self.log.path) if e["kind"] == "trial"}
        for trial in self.finished():
            if trial.number not in seen:
                self._tell_event(trial, 0.0)
