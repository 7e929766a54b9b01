"""How far a long step is: told every few seconds, never more often."""

import time
from collections.abc import Callable

APART = 5.0
"""Seconds from one word to the next, at least; the end of a step is told in any case."""

Tell = Callable[[int, int | None], None]
"""Takes how many parts are done, and of how many, where that is known."""


class Progress:
    """Hears of every part of a step, and tells some of them."""

    def __init__(self, tell: Tell) -> None:
        self._tell = tell
        self._told_at = time.monotonic()

    def __call__(self, done: int, total: int | None = None) -> None:
        """Take up that so many parts are done."""
        if done == total or time.monotonic() - self._told_at >= APART:
            self._told_at = time.monotonic()
            self._tell(done, total)


def line(what: str, done: int, total: int | None) -> str:
    """As a person reads it."""
    return f"  {what} {done:,}" + ("" if total is None else f" of {total:,}")


def printed(what: str) -> Progress:
    """Words on standard output; none where the whole step takes no longer than one is apart."""
    begun = time.monotonic()

    def tell(done: int, total: int | None) -> None:
        if time.monotonic() - begun >= APART:
            print(line(what, done, total), flush=True)

    return Progress(tell)
