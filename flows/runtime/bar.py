"""The last line of a terminal while a run works: what is under way, how far it is and for how long.

Lines that are printed meanwhile stand above it. What is no terminal gets lines alone; see `pulse`.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.console import Console, RenderableType

WIDTH = 24
"""Characters of the bar."""
A_SECOND = 1
"""How often it is drawn."""

Part = tuple[int, int]
"""How many parts are done, and of how many."""


@contextmanager
def beside(
    what: Callable[[], str],
    part: Callable[[], Part | None],
    console: "Console | None" = None,
) -> Iterator[None]:
    """Keep the line while the block works.

    Args:
        what: says what is being done.
        part: says how far it is; none: nobody knows.
        console: where it is drawn; by default standard output.
    """
    from rich.console import Console
    from rich.live import Live

    with Live(
        console=console or Console(),
        transient=True,
        refresh_per_second=A_SECOND,
        get_renderable=lambda: drawn(what(), part()),
    ):
        yield


def drawn(what: str, part: Part | None) -> "RenderableType":
    """The line; one that is longer than the terminal is wide is cut."""
    from rich.progress_bar import ProgressBar
    from rich.table import Table
    from rich.text import Text

    line = Table.grid(padding=(0, 1))
    total, done = (None, 0) if part is None else (part[1], part[0])
    text = Text(what, overflow="ellipsis", no_wrap=True)
    line.add_row(ProgressBar(total=total, completed=done, width=WIDTH, pulse=part is None), text)
    return line
