"""How the trials of a search learned, and which of their settings mattered."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from matplotlib import colormaps
from matplotlib.axes import Axes
from matplotlib.colors import to_hex
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator

from components.figures.findings import KINDS, Findings
from components.figures.palette import BLUE, ORANGE, SCORES
from components.figures.scores import Scores
from components.figures.sheet import QUIET, sheet, shortened

STYLES = {"full": "-", "confirmation": "-", "probe": "--", "pruned": ":"}
MOST_BARS = 7
"""Settings that a search may have; fewer leave room below, so that bars are equally thick."""
DARKEST, LIGHTEST = 0.0, 0.85
"""Of the colours of freeze depths: the lightest would not show on paper."""


@dataclass(frozen=True)
class Curve:
    """A trial's way."""

    freeze_depth: int
    scores: tuple[float, ...]
    """On the validation set, by epoch."""
    kind: str
    """One of `STYLES`."""
    chosen: bool
    """Whether it is one of the setting that was chosen."""


def draw_curves(findings: Findings, path: Path) -> None:
    """How the trials of the search learned."""
    epochs = dict(list(findings.curves.groupby("number")["validation_score"]))
    curves = [
        Curve(row["freeze_depth"], tuple(epochs[row["number"]]), row["kind"], chosen=row["chosen"])
        for row in findings.trials.to_dict("records")
    ]
    save_curves(path, curves, findings.layers, findings.importances, findings.scores)


def save_curves(
    path: Path,
    curves: Sequence[Curve],
    layers: Sequence[str],
    importances: Mapping[str, float],
    scores: Scores,
) -> None:
    """Every trial's validation score by epoch, and beside it the importance of the settings."""
    remark = (
        "Colours tell the first trained layer. A probe has a short schedule of "
        "its own: its end says less than that of a trial. Importance is the fraction of the full "
        "trials' variance that a setting explains."
    )
    with sheet(path, (9.4, 4.6), "How the trials learned", remark) as figure:
        axis, beside = figure.subplots(1, 2, width_ratios=[1, 0.36])
        colours = _colours({curve.freeze_depth for curve in curves}, layers)
        for curve in curves:
            _draw(axis, curve, colours[curve.freeze_depth])
        axis.xaxis.set_major_locator(MaxNLocator(integer=True))
        axis.yaxis.set_major_formatter(scores.tick)
        axis.set(xlabel="epoch", ylabel=f"validation {scores.name}")
        _explain(axis, {curve.kind for curve in curves})
        _bars(beside, importances)
        _key(beside, colours, layers)
        figure.legend(loc="outside lower center", ncols=5)


def _colours(freeze_depths: set[int], layers: Sequence[str]) -> dict[int, str]:
    """A shade a freeze depth, the dark ones for those that train much."""
    last = max(1, len(layers) - 1)
    reach = LIGHTEST - DARKEST
    return {
        freeze_depth: to_hex(colormaps[SCORES](DARKEST + reach * freeze_depth / last))
        for freeze_depth in freeze_depths
    }


def _draw(axis: Axes, curve: Curve, colour: str) -> None:
    epochs = range(1, len(curve.scores) + 1)
    if curve.chosen:
        axis.plot(epochs, curve.scores, color=ORANGE, lw=5, alpha=0.45, zorder=1)
    axis.plot(
        epochs,
        curve.scores,
        STYLES[curve.kind],
        color=colour,
        lw=1.5,
        marker="X" if curve.kind == "pruned" else "o",
        markevery=[-1],
    )


def _key(axis: Axes, colours: Mapping[int, str], layers: Sequence[str]) -> None:
    """Which colour is which first trained layer, those that train most first."""
    lines = [Line2D([], [], color=colours[depth], lw=3) for depth in sorted(colours)]
    names = [shortened(layers[depth]) for depth in sorted(colours)]
    axis.legend(
        lines, names, title="Trained from", loc="lower left", borderaxespad=0, alignment="left"
    )


def _explain(axis: Axes, kinds: set[str]) -> None:
    """What the lines mean."""
    drawn = [kind for kind in ("full", "probe", "pruned") if kind in kinds]
    for kind in drawn:
        axis.plot([], [], STYLES[kind], color=QUIET, label=KINDS[kind])
    axis.plot([], [], color=ORANGE, lw=5, alpha=0.45, label="chosen")


def _bars(axis: Axes, importances: Mapping[str, float]) -> None:
    axis.set_title("Importance")
    if not importances:
        axis.set_axis_off()
        axis.text(0, 0.9, "too few full trials to say", color=QUIET, transform=axis.transAxes)
        return
    names = [shortened(name.replace("_", " ")) for name in importances]
    bars = axis.barh(names, list(importances.values()), color=BLUE, height=0.55)
    axis.bar_label(bars, [f"{importance:.0%}" for importance in importances.values()], padding=3)
    axis.set_ylim(MOST_BARS - 0.5, -0.5)
    axis.set_xlim(0, 1.18 * max(importances.values()))
    axis.grid(visible=False)
    axis.set_xticks([])
    axis.spines["bottom"].set_visible(False)
