"""Class names in any script: which fonts at hand have the letters, and what stands in for others.

The design has one font. The fonts of the system, which may be hundreds, are asked only where it
lacks a letter.
"""

import logging
import unicodedata
from collections.abc import Sequence
from functools import cache

from matplotlib import font_manager
from matplotlib.ft2font import FT2Font

OWN = "DejaVu Sans"
"""Comes with matplotlib: Latin, Greek, Cyrillic, Hebrew, Arabic and more."""
OF_BOXES = "lastresort"
"""In the file name of fonts that have every letter, as a box that names its script."""

Letters = frozenset[str]

# It would warn of each font that has the letters of a name, and no bold ones for the titles.
logging.getLogger("matplotlib.font_manager").setLevel(logging.ERROR)


def families(text: str) -> list[str]:
    """The fonts that a figure with this text needs: the design's own, and others for the rest."""
    return [OWN, *_beside(_lacking(_own(), frozenset(text)))[0]]


def legible(names: Sequence[str]) -> list[str]:
    """The names of all classes in their order, as figures show them.

    One with letters that no font at hand has stands as its number, from 0, and their codes; that is
    said.
    """
    return list(_legible(tuple(names)))


@cache  # so that it is said once
def _legible(names: tuple[str, ...]) -> tuple[str, ...]:
    visible = [_visible(name) for name in names]
    lost = _beside(_lacking(_own(), frozenset("".join(visible))))[1]
    coded = [name for name in visible if lost & {*name}]
    if coded:
        print(
            f"no font at hand has all letters of {len(coded):,} names, {coded[0]!r} for one: "
            "figures show their numbers and codes. Install a font that has them"
        )
    return tuple(
        f"{number} {_coded(name, lost)}" if lost & {*name} else name
        for number, name in enumerate(visible)
    )


def _visible(name: str) -> str:
    """Without marks that only steer how others are set, any blank as a plain one."""
    kinds = ((letter, unicodedata.category(letter)) for letter in name)
    return "".join(" " if kind == "Zs" else letter for letter, kind in kinds if kind != "Cf")


def _coded(name: str, lost: Letters) -> str:
    return "".join(
        letter.encode("unicode_escape").decode() if letter in lost else letter for letter in name
    )


@cache
def _own() -> FT2Font:
    return font_manager.get_font(font_manager.findfont(OWN))


def _lacking(font: FT2Font, letters: Letters) -> Letters:
    """The letters that a font does not have; none has what cannot be printed."""
    return frozenset(
        one for one in letters if not one.isprintable() or not font.get_char_index(ord(one))
    )


@cache
def _beside(letters: Letters) -> tuple[tuple[str, ...], Letters]:
    """As few other fonts as have these letters, known to matplotlib; and what none of them has."""
    chosen: list[str] = []
    have = _having(letters) if letters else {}
    while have:
        path = max(have, key=lambda path: len(have[path] & letters))
        if not have[path] & letters:
            break
        letters -= have[path]
        chosen.append(_known(path))
    return tuple(chosen), letters


def _having(letters: Letters) -> dict[str, Letters]:
    """Which of the letters each font of the system has, up to the first that has them all."""
    have: dict[str, Letters] = {}
    for path in sorted(font_manager.findSystemFonts()):
        font = _opened(path)
        if font is None or OF_BOXES in path.lower():
            continue
        have[path] = letters - _lacking(font, letters)
        if have[path] == letters:
            break
    return have


def _opened(path: str) -> FT2Font | None:
    """A font that can be drawn with; None where it is damaged, or made of pixels."""
    try:
        font = FT2Font(path)
    except (OSError, RuntimeError):
        return None
    return font if font.scalable else None


def _known(path: str) -> str:
    """The font's family, which matplotlib then finds."""
    if all(entry.fname != path for entry in font_manager.fontManager.ttflist):
        font_manager.fontManager.addfont(path)
    return str(FT2Font(path).family_name)
