"""A training as a figure: what it learned, and how much less that is worth on new images."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator

from components.figures.findings import Findings
from components.figures.palette import BLUE, ORANGE
from components.figures.scores import Scores
from components.figures.sheet import INK, QUIET, sheet


@dataclass(frozen=True)
class Curves:
    """A metric by epoch, from the first on, of training and validation."""

    train: Sequence[float]
    """On the augmented images, as they were trained on."""
    validation: Sequence[float]


def draw_learning(findings: Findings, path: Path) -> None:
    """The final training by epoch."""
    epochs = findings.history
    score = Curves(list(epochs["train_score"]), list(epochs["validation_score"]))
    loss = Curves(list(epochs["train_loss"]), list(epochs["validation_loss"]))
    save_learning(path, score, loss, findings.kept_epoch, findings.scores)


def save_learning(path: Path, score: Curves, loss: Curves, kept: int, scores: Scores) -> None:
    """Score and loss by epoch, the generalisation gap shaded, the kept epoch marked."""
    with sheet(path, (9.2, 4.3), "Learning curves", sentence(score, kept, scores)) as figure:
        left, right = figure.subplots(1, 2, width_ratios=[1.45, 1])
        _draw(left, score, kept)
        _draw(right, loss, kept)
        left.set(title=scores.name.capitalize(), xlabel="epoch")
        right.set(title="Loss", xlabel="epoch")
        left.yaxis.set_major_formatter(scores.tick)
        right.set_ylim(bottom=0)
        figure.legend(*left.get_legend_handles_labels(), loc="outside lower center", ncols=4)


def sentence(score: Curves, kept: int, scores: Scores) -> str:
    """The generalisation gap in words."""
    difference = gap(score, kept)
    state = "is ahead" if difference > 0 else "is not ahead"
    return (
        f"Epoch {kept} is the best, with a validation {scores.name} of "
        f"{scores.shown(score.validation[kept - 1])}. The generalisation gap, training less "
        f"validation, is {scores.difference(difference)} there: training {state}. Training is "
        "measured while the network learns, on augmented images, which are harder."
    )


def gap(score: Curves, kept: int) -> float:
    """Training less validation at the kept epoch."""
    return score.train[kept - 1] - score.validation[kept - 1]


def _draw(axis: Axes, curves: Curves, kept: int) -> None:
    epochs = np.arange(1, len(curves.train) + 1)
    train, validation = np.asarray(curves.train), np.asarray(curves.validation)
    axis.fill_between(
        epochs, train, validation, color=ORANGE, alpha=0.18, lw=0, label="generalisation gap"
    )
    axis.plot(epochs, train, color=ORANGE, marker="s", label="training (augmented)")
    axis.plot(epochs, validation, color=BLUE, marker="o", label="validation")
    axis.axvline(kept, color=QUIET, lw=1, ls=(0, (4, 3)), zorder=1)
    axis.plot(
        [kept],
        [validation[kept - 1]],
        marker="o",
        ms=9,
        mfc="none",
        mec=INK,
        mew=1.4,
        ls="",
        label="kept",
    )
    axis.xaxis.set_major_locator(MaxNLocator(integer=True, min_n_ticks=1))
