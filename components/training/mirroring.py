"""Whether training may mirror images: whether mirror images are still known for what they show.

Two linear classifiers are asked about images that they were not fitted to. One knows images by what
the pretrained network makes of them: it is to know mirror images as well. The other knows the
images themselves, made tiny, for the network may have been taught not to tell left from right:
fitted to mirror images besides, it is to know images as well as before.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import sqrt
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import KFold
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from torch import nn

from components.data.images.dataset import Split
from components.data.images.pixels import pixels
from components.data.images.transform import Transform
from components.frame.work import Work
from components.tasks.classification import Classification
from components.training.pretrained import Pretrained
from components.training.probe import head_inputs
from components.training.progress import progress

MOST = 400
"""Images that are asked about, at most."""
SIDE = 12
"""Of a tiny image, pixels."""
FOLDS = 3
SEED = 0
"""Of which images are taken, and of the folds."""
ITERATIONS = 200
STRENGTH = 0.01
"""scikit-learn's `C`, for features of unit variance."""
BATCH = 64
ERRORS = 2.0
"""Standard errors by which mirror images may be known less well, over all classes."""
CLASS_ERRORS = 3.0
"""The same within a class: of many, one is by chance the worst."""
Pair = Sequence[NDArray[Any]]
"""Features of images and of their mirror images."""
Known = NDArray[np.bool_]
"""Whether an image was taken for what it shows, shape (images,)."""


@dataclass(frozen=True, kw_only=True)
class Mirroring:
    """What was found."""

    allowed: bool
    images: int
    known: float
    """Fraction of images held out that are taken for what they show, by the network's features."""
    mirrored: float
    """The same of their mirror images."""
    worst: str = ""
    """The class that does not bear it, if it is one."""

    def sentence(self) -> str:
        """For a person."""
        found = (
            f"of {self.images:,} images {self.known:.1%} are known for what they show, of their "
            f"mirror images {self.mirrored:.1%}"
        )
        if self.allowed:
            return f"training may mirror images: {found}"
        why = f" ('{self.worst}' bears it least)" if self.worst else ""
        return f"training does not mirror images: {found}{why}"


def of_images(
    table: pd.DataFrame,
    raw: Path,
    transform: Transform,
    task: Classification,
    model: Path,
    config: Path,
    work: Work,
) -> Mirroring:
    """What is found of the training images of a table, by the weights in `model`."""
    seen = table[table["split"] == "train"].reset_index(drop=True)
    seen = seen.iloc[_drawn(len(seen), SEED)].reset_index(drop=True)
    paths, told = [raw / path for path in seen["path"]], progress(work.events, "augment", "decoded")
    decoded = pixels(paths, list(seen["sha256"]), transform, work.cache, told)
    split = Split(decoded, np.arange(len(seen)), task.targets(seen), transform)
    pretrained = Pretrained.read(model, config, task.outputs, transform.size)
    return mirroring(pretrained.network(SEED), split, task.classes)


def mirroring(model: nn.Module, split: Split, classes: Sequence[str]) -> Mirroring:
    """Ask both classifiers about at most so many images of a split.

    Equal calls give equal answers on a CPU. With few images they are seldom sure; then it is
    allowed, as it is for most of what people photograph.

    Args:
        model: pretrained; of its head nothing is used. It is in evaluation mode afterwards.
        split: images whose targets are places in `classes`, shape (images,).
        classes: their names.
    """
    rows = _drawn(len(split), SEED)
    labels = split.targets[rows]
    features, tiny = _features(model, split, rows), _tiny(split, rows)
    known, mirrored = _known(features[:1], features, labels)
    (before,), (after,) = (_known(seen, tiny[:1], labels) for seen in (tiny[:1], tiny))
    refusals = [_refusal(*pair, labels, classes) for pair in ((known, mirrored), (before, after))]
    return Mirroring(
        allowed=all(refusal is None for refusal in refusals),
        images=len(rows),
        known=float(known.mean()),
        mirrored=float(mirrored.mean()),
        worst=next((refusal for refusal in refusals if refusal), ""),
    )


def _drawn(images: int, seed: int) -> NDArray[np.int64]:
    rows = np.random.default_rng(seed).permutation(images)[:MOST]
    rows.sort()
    return rows


def _features(model: nn.Module, split: Split, rows: NDArray[np.int64]) -> Pair:
    device = next(model.parameters()).device
    return [
        np.concatenate(
            head_inputs(model, split.batches(BATCH, rows=rows, mirrored=flip), device=device),
            axis=1,
        )
        for flip in (False, True)
    ]


def _tiny(split: Split, rows: NDArray[np.int64]) -> Pair:
    squares = (split.transform.crop(split.pixels[int(split.indices[row])]) for row in rows)
    small = np.stack(
        [cv2.resize(square, (SIDE, SIDE), interpolation=cv2.INTER_AREA) for square in squares]
    )
    return [images.reshape(len(rows), -1) / 255 for images in (small, small[:, :, ::-1])]


def _known(seen: Pair, asked: Pair, labels: NDArray[Any]) -> list[Known]:
    """Which images are taken for what they show, by a classifier fitted to other images.

    Args:
        seen: the images' features, each (images, features), and maybe those of mirror images; the
            classifier is fitted to all.
        asked: what it is asked about, one after the other.
        labels: shape (images,).
    """
    known = [np.zeros(len(labels), dtype=bool) for _ in asked]
    folds = KFold(min(FOLDS, len(labels)), shuffle=True, random_state=SEED)
    for rest, held in folds.split(labels):
        if len(np.unique(labels[rest])) == 1:
            continue
        regression = LogisticRegression(C=STRENGTH, max_iter=ITERATIONS)
        classifier = make_pipeline(StandardScaler(), regression)
        rows = np.concatenate([features[rest] for features in seen])
        classifier.fit(rows, np.tile(labels[rest], len(seen)))
        for answers, features in zip(known, asked, strict=True):
            answers[held] = classifier.predict(features[held]) == labels[held]
    return known


def _refusal(
    known: Known, still: Known, labels: NDArray[Any], classes: Sequence[str]
) -> str | None:
    """The class that is known less well, empty where it is all of them; None: none is.

    As McNemar's test (Psychometrika 12, 1947): what counts are images of which one of both is
    known.
    """
    worst = max(range(len(classes)), key=lambda one: _errors(known, still, labels == one))
    if _errors(known, still, labels == worst) > CLASS_ERRORS:
        return classes[worst]
    return "" if _errors(known, still, np.ones(len(labels), dtype=bool)) > ERRORS else None


def _errors(known: Known, still: Known, among: Known) -> float:
    """By how many standard errors images are known less well than before."""
    lost, won = (known & ~still & among).sum(), (still & ~known & among).sum()
    return float((lost - won) / sqrt(lost + won)) if lost + won else 0.0
