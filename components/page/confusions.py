"""Which class was taken for which."""

import numpy as np
from numpy.typing import NDArray

from components.figures.confusion_matrix import confusions as commonest
from components.figures.confusion_matrix import shades, tally
from components.figures.findings import Findings
from components.page.section import Advice, Section

MOST = 20
"""Classes of which the whole matrix is shown; of more, the commonest confusions alone."""
LISTED = 10
OFTEN, OFTEN_FRACTION = 3, 0.03
"""Images, and the fraction of those of both classes, from which a confusion is worth a word."""


def confusions(findings: Findings) -> Section:
    """The matrix, and its largest fields as a list."""
    names, counts = tally(findings)
    dark = (100 * shades(counts)).round().astype(int)
    totals = counts.sum(1)
    pairs = [
        {
            "true": names[true],
            "predicted": names[predicted],
            "images": int(counts[true, predicted]),
            "of": int(totals[true]),
            "fraction": float(counts[true, predicted] / totals[true]),
        }
        for true, predicted in commonest(counts, LISTED)
    ]
    rows = zip(names, counts.tolist(), dark.tolist(), strict=True)
    matrix = [
        {"name": name, "cells": list(zip(line, shade, strict=True))} for name, line, shade in rows
    ]
    return Section(
        name="confusions",
        title="What is taken for what",
        content={"names": names, "matrix": matrix if len(names) <= MOST else [], "pairs": pairs},
        advice=tuple(_alike(counts, names)),
    )


def _alike(counts: NDArray[np.int64], names: list[str]) -> list[Advice]:
    """Two classes that are taken for each other, counted both ways."""
    both = np.triu(counts + counts.T, 1)
    one, other = (int(place) for place in np.unravel_index(both.argmax(), both.shape))
    images, of = int(both[one, other]), int(counts[[one, other]].sum())
    if images < OFTEN or images < OFTEN_FRACTION * of:
        return []
    return [
        Advice(
            title=f"Tell {names[one]} and {names[other]} apart",
            reason=(
                f"{images:,} of their {of:,} test images are taken for the other. Look at "
                "them: where a person cannot tell either, the labels or the classes are the "
                "matter; where one can, images that show the difference help."
            ),
            weight=0.65,
        )
    ]
