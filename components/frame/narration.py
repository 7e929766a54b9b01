"""How the events of a stage read on the screen, a line each. No stage depends on this file."""

from collections.abc import Callable

from components.frame import progress
from components.frame.durations import duration
from components.frame.events import Event

STAGES = {"full": "", "probe": " (probe)", "confirmation": " (confirmation run)"}


def narrate(event: Event) -> None:
    """Print the line of an event, where it has one."""
    line = LINES.get(event["kind"])
    if line is not None:
        print(line(event), flush=True)


def _device(event: Event) -> str:
    return f"on {event['device']}, {event['precision']}"


def _progress(event: Event) -> str:
    return progress.line(event["what"], event["done"], event["total"])


def _begun(event: Event) -> str:
    epochs = event["epochs"]
    return (
        f"trial {event['number']}{STAGES[event['stage']]}: trained from {event['layer']} on "
        f"({event['trained_fraction']:.1%} of the parameters), learning rate "
        f"{event['learning_rate']:.2g}, {epochs} epoch{'s' if epochs > 1 else ''}; "
        f"{_left(event['seconds_left'])}"
    )


def _left(seconds: float) -> str:
    """A forecast that has run out tells no time."""
    return f"about {duration(seconds)} left" if seconds > 0 else "beyond the forecast"


def _epoch(event: Event) -> str:
    to_come = event["epochs"] - event["epoch"]
    left = f", at most {duration(event['seconds'] * to_come)} left" if to_come else ""
    return (
        f"  epoch {event['epoch']}/{event['epochs']}  loss {event['train_loss']:.3f}  "
        f"validation {event['shown']} (loss {event['validation_loss']:.3f})  "
        f"{event['images_per_second']:.0f} images/s{left}"
    )


def _trial(event: Event) -> str:
    return f"  {event['outcome']}, {duration(event['seconds'])}"


def _sentence(event: Event) -> str:
    return f"  {event['sentence']}"


LINES: dict[str, Callable[[Event], str]] = {
    "device": _device,
    "progress": _progress,
    "begun": _begun,
    "epoch": _epoch,
    "trial": _trial,
    "sentence": _sentence,
}
