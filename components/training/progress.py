"""What a fit tells while it runs: each epoch once, how far decoding is, and on what it trains."""

from dataclasses import asdict

import torch

from components.frame import events
from components.frame.events import Events
from components.frame.progress import Progress
from components.model.device import Precision, described
from components.tasks.task import Task
from components.training.history import Epoch


class EpochReport:
    """Tells each epoch of one fit once, also when a resumed fit names it again."""

    def __init__(
        self, log: Events, name: str, task: Task, *, trial: int | None, epochs: int
    ) -> None:
        self.log, self.name, self.task = log, name, task
        self.trial, self.epochs = trial, epochs
        self._told = {
            event["epoch"]
            for event in events.read(log.path)
            if event["kind"] == "epoch" and event["fit"] == name
        }

    def tell_resumption(self) -> None:
        """Say after which epoch a fit goes on that a kill ended; nothing where it begins."""
        if self._told and max(self._told) < self.epochs:
            self.log.say(f"goes on after epoch {max(self._told)} of {self.epochs}")

    def __call__(self, epoch: Epoch, seconds: float, images_per_second: float) -> bool:
        """Tell an epoch, unless it was told; never ends the fit."""
        if epoch.epoch in self._told:
            return False
        self._told.add(epoch.epoch)
        self.log.emit(
            "epoch",
            fit=self.name,
            trial=self.trial,
            epochs=self.epochs,
            **asdict(epoch),
            seconds=seconds,
            images_per_second=images_per_second,
            shown=self.task.shown(epoch.validation_score),
        )
        return False


def tell_device(log: Events, device: torch.device, precision: Precision) -> None:
    """Tell once where a stage trains."""
    name, kind = described(device, precision)
    log.emit("device", device=name, precision=kind)


def progress(log: Events, stage: str, what: str) -> Progress:
    """How far a long step of a stage is, as events."""

    def tell(done: int, total: int | None) -> None:
        log.emit("progress", stage=stage, what=what, done=done, total=total)

    return Progress(tell)
