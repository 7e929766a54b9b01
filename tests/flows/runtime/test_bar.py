"""On a terminal one line says what is under way, below all others."""

import io
import sys

import pytest
from rich.console import Console

from flows.runtime import bar


def on_a_terminal(width=60):
    return Console(file=io.StringIO(), force_terminal=True, width=width, color_system=None)


@pytest.mark.parametrize(("part", "filled"), [((0, 4), 0), ((2, 4), 12), ((4, 4), 24)])
def test_it_is_as_long_as_what_is_done(part, filled):
    """Of 24 characters."""
    console = on_a_terminal()
    console.print(bar.drawn("train, epoch 2 of 4", part))
    text = console.file.getvalue()
    assert text.count("━") == (filled or 0)
    assert "train, epoch 2 of 4" in text


def test_a_long_line_is_cut():
    """It stays one line."""
    console = on_a_terminal(width=40)
    console.print(bar.drawn("word " * 30, None))
    assert len(console.file.getvalue().splitlines()) == 1


def test_what_is_printed_stands_above_and_the_line_goes_at_the_end():
    """Also through what logging writes to."""
    console = on_a_terminal()
    with bar.beside(lambda: "search", lambda: None, console):
        print("a line of a stage", file=sys.stdout)
    text = console.file.getvalue()
    assert "a line of a stage\n" in text
    assert text.rstrip().endswith("\x1b[2K") or text.endswith("\x1b[2K")
