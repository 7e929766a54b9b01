"""The figures of a run are drawn from tables alone, those of its task among them."""

from dataclasses import fields
from pathlib import Path
from typing import ClassVar

import numpy as np
from matplotlib.text import Text
from report_inputs import NAMES, NETWORK

from components.figures import registry as figures
from components.figures.confusion_matrix import save_matrix
from components.figures.findings import Files, Findings
from components.figures.scores import Scores
from components.frame import files
from components.frame.spec import spec
from components.tasks import registry as tasks
from components.tasks.classification import Classification


def drawn(place):
    return sorted(path.name for path in (place.root / "build/report/figures").iterdir())


def test_every_figure_is_drawn_and_none_that_was_there_stays(built):
    """Those of any run, and those that the task asks for."""
    files.write_bytes(built.root / "build/report/figures/old.png", b"old")
    outcome = built.run("report")
    assert outcome.code == 0, outcome.errors
    assert drawn(built) == [
        "confusion_matrix.png",
        "epochs.png",
        "front.png",
        "landscape.png",
        "learning.png",
        "mistakes.png",
    ]


class Plain(Classification):
    """A task without figures of its own, whose score is no fraction."""

    name: ClassVar[str] = "plain"
    score_name: ClassVar[str] = "closeness"
    score_range: ClassVar[tuple[float, float]] = (float("-inf"), 0.0)
    figures: ClassVar[tuple[str, ...]] = ()
    sections: ClassVar[tuple[str, ...]] = ()

    def beside(self, metrics):
        return ""

    def shown(self, score):
        return f"{score:.3f} mm"


def test_a_task_without_figures_has_those_of_any_run(built, monkeypatch):
    """And needs no tables for others."""
    monkeypatch.setitem(tasks.TASKS, "plain", Plain)
    described = NETWORK | {"task": NETWORK["task"] | {"name": "plain"}}
    files.write_json(built.root / "build/train/network.json", described)
    files.write_json(
        built.root / "build/evaluate/metrics.json",
        {"closeness": -2.0, "closeness_low": -3.0, "closeness_high": -1.0, "images": 4},
    )
    (built.root / "build/evaluate/tables/confusion.csv").unlink()
    outcome = built.run("report")
    assert outcome.code == 0, outcome.errors
    assert drawn(built) == ["epochs.png", "front.png", "landscape.png", "learning.png"]


def test_scores_are_written_as_the_task_has_them():
    """Percent of a fraction, and nothing of the kind where the score is none."""
    accuracy, closeness = Scores(Classification(NAMES)), Scores(Plain(NAMES))
    assert (accuracy.name, accuracy.shown(0.5), accuracy.tick(0.5)) == ("accuracy", "50.0%", "50%")
    assert (closeness.name, closeness.shown(-2.0)) == ("closeness", "-2.000 mm")
    assert (closeness.tick(-2.0), closeness.difference(-2.0)) == ("-2", "-2")


def test_what_every_task_asks_for_can_be_drawn():
    """A name without a function would end the last stage of a long run."""
    for task in tasks.TASKS.values():
        assert set(task.figures) <= set(figures.FIGURES)


def test_names_that_look_like_something_else_stay_names(built, monkeypatch):
    """`01` and `1` are two classes, and `NA` is one."""
    seen = {}
    monkeypatch.setattr(
        "components.figures.confusion_matrix.save_matrix",
        lambda _path, counts, names: seen.update(counts=counts.tolist(), names=names),
    )
    assert built.run("report").code == 0
    assert seen == {"counts": [[1, 0, 0], [0, 1, 1], [0, 0, 1]], "names": list(NAMES)}


def test_names_are_never_read_as_formulas(built, monkeypatch):
    """Between two dollars matplotlib reads one, and it fails at what is none."""
    drawn_names = []
    monkeypatch.setattr(
        "components.figures.sheet._save",
        lambda figure, _path: (
            figure.canvas.draw(),
            drawn_names.extend(one.get_text() for one in figure.findobj(Text)),
        ),
    )
    save_matrix(Path("matrix.png"), np.eye(2, dtype=np.int64), [r"$\frac$", "100% $x$"])
    assert r"$\frac$" in drawn_names


def test_a_trial_is_drawn_as_what_its_score_stands_for(built):
    """A probe is short by intent, a pruned trial is not, and a failed one has nothing to show."""
    names = spec("report", built.root).paths()
    places = {field.name: built.root / names[field.name] for field in fields(Files)}
    trials = Findings(Files(**places), shown=1).trials
    assert list(trials["kind"]) == ["full", "probe", "pruned", "confirmation"]
