"""What the page is made of: sections, and advice that a section gives."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, kw_only=True)
class Advice:
    """What to try next, and what speaks for it."""

    title: str
    """What to do, as an imperative."""
    reason: str
    """The figures behind it."""
    setting: str = ""
    """What to set or call, as a person types it."""
    weight: float
    """What it may be worth, 0 to 1: the most comes first."""


@dataclass(frozen=True, kw_only=True)
class Section:
    """A part of the page: what its template shows, under a title."""

    name: str
    """Its anchor and its template, `templates/NAME.html`."""
    title: str
    content: Mapping[str, Any] = field(default_factory=dict)
    advice: tuple[Advice, ...] = ()
