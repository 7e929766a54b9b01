"""What a fit tells while it runs: each epoch once, how far decoding is, and on what it trains."""

import time
from dataclasses import asdict

import torch

from components.frame import events
from components.frame.events import Events
from components.model.device import Precision, described
from components.tasks.task import Task
from components.training.history import Epoch

APART = 2.0
"""Seconds between two lines on how far a step is, at least."""


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


class ProgressReport:
    """Tells how far a long step is, each tenth of it and its end, but not every moment."""

    def __init__(self, log: Events, stage: str, what: str) -> None:
        self.log, self.stage, self.what = log, stage, what
        self._told_at = time.monotonic()

    def __call__(self, done: int, total: int) -> None:
        """Tell the state of `done` of `total`, where it is worth it."""
        if done * 10 // total == (done - 1) * 10 // total:
            return
        if done == total or time.monotonic() - self._told_at >= APART:
            self._told_at = time.monotonic()
            self.log.emit("progress", stage=self.stage, what=self.what, done=done, total=total)
