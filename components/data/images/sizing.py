"""How large the images are that a network sees."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pandas as pd

SMALLEST = 48
"""`auto` makes no smaller images: a network that halves five times sees too little below."""
STEP = 16
"""`auto` takes a multiple of this many pixels."""


def auto_size(table: "pd.DataFrame", native: int, *, fixed: bool, limit: int | None = None) -> int:
    """Near the images' own short side, up to the size that the weights were trained at.

    Args:
        table: of the images, with their `width` and `height` in pixels.
        native: the side that the weights were trained at, pixels.
        fixed: whether the network takes no other.
        limit: no larger ones, pixels, where the network leaves a choice.
    """
    if fixed:
        return native
    return near(table[["width", "height"]].min(axis=1).median(), native, limit)


def near(side: float, native: int, limit: int | None = None) -> int:
    """The size for images with such a short side, pixels; the bounds are those of `auto_size`."""
    return int(min(max(SMALLEST, round(side / STEP) * STEP), native, limit or native))
