"""The command `thawline models`: the networks that can be trained, and what each costs."""

import os
import textwrap
from pathlib import Path

from components.frame.errors import UsageError
from components.model.weights.place import PACKAGED, PACKAGES
from flows.parameters.architectures import Architecture, architectures
from flows.parameters.listing import WIDTH, fits
from flows.parameters.sections import nearest

HEADING = ("network", "million", "pixels", "epoch", "at hand", "licence of the weights")
MISSING = "-"
NOTE = """
million   parameters, with a head of ten classes
pixels    side of the images that the weights were trained at
epoch     what one costs that trains all layers at that size, counted in
          multiply-accumulates, as a multiple of the default's
at hand   in a package, or in the cache of the hub; else the hub is asked
licence   of timm's default weights; - where the hub has none

Take one: thawline run --set base.source=hub --set base.architecture=NAME"""


def screen(pattern: str = "") -> str:
    """A line for each network whose name holds the pattern, or fits it where it has `*`.

    Raises:
        UsageError: none does.
    """
    known = architectures()
    bare = pattern.partition(".")[0]
    chosen = [one for name, one in known.items() if fits(name, bare)]
    if not chosen:
        raise UsageError(f"No network is named {pattern!r}.{nearest(pattern, list(known))}")
    rows = [HEADING, *(_row(one, known[PACKAGED].macs) for one in chosen)]
    widths = [max(len(row[column]) for row in rows) for column in range(len(HEADING))]
    table = [_line(row, widths) for row in rows]
    one = known.get(bare) or (chosen[0] if len(chosen) == 1 else None)
    return "\n".join([*table, *(_weights(one) if one else ()), NOTE])


def _row(one: Architecture, default: int) -> tuple[str, ...]:
    return (
        one.name,
        f"{one.parameters / 1e6:.1f}",
        str(one.size),
        f"{one.macs / default:.1f}x",
        _at_hand(one),
        one.licence or MISSING,
    )


def _weights(one: Architecture) -> list[str]:
    """All weights of a network that the hub has, the default first."""
    names = ", ".join(f"{one.name}.{tag}" for tag in one.tags.split()) or "none"
    return ["", *textwrap.wrap(f"weights on the hub: {names}", WIDTH)]


def _line(row: tuple[str, ...], widths: list[int]) -> str:
    """Names to the left, numbers to the right."""
    name, *numbers = row[:4]
    told = [f"{number:>{width}}" for number, width in zip(numbers, widths[1:4], strict=True)]
    words = [f"{word:<{width}}" for word, width in zip(row[4:], widths[4:], strict=True)]
    return "  ".join([f"{name:<{widths[0]}}", *told, *words]).rstrip()


def _at_hand(one: Architecture) -> str:
    if one.name in PACKAGES:
        return "package"
    cached = (_hub_cache() / f"models--timm--{one.name}.{tag}" for tag in one.tags.split())
    return "cache" if any((folder / "snapshots").is_dir() for folder in cached) else MISSING


def _hub_cache() -> Path:
    """Where huggingface-hub keeps what it fetched, by its own variables."""
    home = os.environ.get("HF_HOME") or Path.home() / ".cache" / "huggingface"
    return Path(os.environ.get("HF_HUB_CACHE") or Path(home) / "hub").expanduser()
