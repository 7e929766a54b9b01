"""A word now and then while something works in silence: nobody need ask whether it still does."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from components.frame.durations import duration

SILENCE = 8.0
"""Seconds after which a word is said."""


@contextmanager
def beside(
    say: Callable[[str], None],
    what: Callable[[], str],
    heard: Callable[[], float] = lambda: 0.0,
    silence: float = SILENCE,
) -> Iterator[None]:
    """Say a word after each silence while the block works.

    Args:
        say: takes the words.
        what: is asked for them: what is being done; where that is empty, how long it takes is said.
        heard: when somebody else last said something, on the monotonic clock.
        silence: seconds.
    """
    over = threading.Event()
    arguments = (say, what, heard, silence, over)
    thread = threading.Thread(target=_beat, args=arguments, daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


def _beat(
    say: Callable[[str], None],
    what: Callable[[], str],
    heard: Callable[[], float],
    silence: float,
    over: threading.Event,
) -> None:
    begun = last = time.monotonic()
    while not over.wait(max(0.0, last + silence - time.monotonic())):
        now, last = time.monotonic(), max(last, heard())
        if now - last >= silence:
            say(f"at work: {what() or duration(now - begun)}")
            last = now
