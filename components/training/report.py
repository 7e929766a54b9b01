"""What a fit tells while it runs: an event and a line an epoch, each exactly once."""

from dataclasses import asdict

import torch

from components.frame import events
from components.frame.durations import duration
from components.frame.events import Events
from components.model.device import Precision, described
from components.training.history import Epoch


class EpochReport:
    """Tells each epoch of one fit once, also when a resumed fit names it again."""

    def __init__(self, log: Events, name: str, *, trial: int | None, epochs: int) -> None:
        self.log, self.name, self.trial, self.epochs = log, name, trial, epochs
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
            "epoch", fit=self.name, trial=self.trial, epochs=self.epochs, **asdict(epoch),
            seconds=seconds, images_per_second=images_per_second,
        )  # fmt: skip
        left = seconds * (self.epochs - epoch.epoch)
        print(
            f"  epoch {epoch.epoch}/{self.epochs}  loss {epoch.train_loss:.3f}  "
            f"validation {epoch.validation_accuracy:.1%} (loss {epoch.validation_loss:.3f})  "
            f"{images_per_second:.0f} images/s, at most {duration(left)} left",
            flush=True,
        )
        return False


def tell_device(log: Events, device: torch.device, precision: Precision) -> None:
    """Tell once where a stage trains."""
    name, kind = described(device, precision)
    log.emit("device", device=name, precision=kind)
    print(f"on {name}, {kind}", flush=True)


class Progress:
    """Tells how far a long step is, each tenth of it."""

    def __init__(self, log: Events, stage: str, what: str) -> None:
        self.log, self.stage, self.what = log, stage, what

    def __call__(self, done: int, total: int) -> None:
        """Tell the state of `done` of `total`, where it is worth a line."""
        if done * 10 // total > (done - 1) * 10 // total:
            self.log.emit("progress", stage=self.stage, done=done, total=total)
            print(f"  {self.what} {done:,} of {total:,}", flush=True)
