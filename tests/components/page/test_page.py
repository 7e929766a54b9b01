"""The page of a run: one whole file that a person, a screen reader and a printer can read."""

import re
import subprocess
import sys
from html.parser import HTMLParser
from itertools import pairwise

import numpy as np
import pandas as pd
import pytest
import report_inputs

from components.frame import files
from components.frame.params import Params
from components.page.asked import _settings

VOID = frozenset({"meta", "img", "br", "wbr", "link", "input", "hr"})
DRAWN = frozenset({"line", "polyline", "path", "rect", "circle"})
"""Elements of SVG, which the templates close themselves."""
NASTY = ("<script>alert(1)</script>", "\"><img src=x onerror='a'>", "猫 & {{ 7*7 }} <!--verdict-->")
NASTY_FILE = "<b>bold</b> \"quote\" 'n' 猫.png"


class Page(HTMLParser):
    """What a page is made of, and whether every element is closed where it belongs."""

    def __init__(self, text):
        super().__init__(convert_charrefs=True)
        self.open, self.elements, self.texts, self.comments = [], [], [], []
        self.feed(text)
        self.close()
        assert not self.open, self.open

    def handle_starttag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        assert tag in DRAWN, tag
        self.elements.append((tag, dict(attrs)))

    def handle_endtag(self, tag):
        assert self.open, f"</{tag}> closes nothing"
        assert self.open.pop() == tag

    def handle_data(self, data):
        if not {"style", "script"} & set(self.open):
            self.texts.append(data)

    def handle_comment(self, data):
        self.comments.append(data)

    @property
    def text(self):
        return " ".join(" ".join(self.texts).split())

    def all(self, tag):
        return [attributes for name, attributes in self.elements if name == tag]

    def ids(self):
        return [attributes["id"] for _, attributes in self.elements if "id" in attributes]


def page_of(place):
    outcome = place.run("report")
    assert outcome.code == 0, outcome.errors
    return Page((place.root / "build/report/index.html").read_text(encoding="utf-8"))


@pytest.fixture(autouse=True)
def _undrawn(monkeypatch):
    """The figures have tests of their own, and take their time."""
    monkeypatch.setattr("components.figures.registry.draw_all", lambda *_: None)


@pytest.fixture
def page(built):
    return page_of(built)


def test_the_page_is_one_file_without_a_program(page):
    """Every image is within it; it asks for nothing, and runs nothing."""
    assert not page.all("script")
    assert not page.all("link")
    assert not page.all("iframe")
    assert all(one["src"].startswith("data:image/webp;base64,") for one in page.all("img"))
    assert all(one["href"].startswith("#") for one in page.all("a"))
    assert not [name for _, found in page.elements for name in found if name.startswith("on")]


def test_the_page_can_be_read_by_any_means(page):
    """Language, one main heading, no level left out, alternatives, headers of tables, anchors."""
    assert page.all("html") == [{"lang": "en"}]
    assert all(one["alt"] for one in page.all("img"))
    charts = [one for one in page.all("svg") if one.get("aria-hidden") != "true"]
    assert all(one["role"] == "img" and one["aria-label"] for one in charts)
    assert all(one.get("scope") in {"row", "col"} for one in page.all("th"))
    levels = [int(tag[1]) for tag, _ in page.elements if re.fullmatch(r"h\d", tag)]
    assert levels.count(1) == 1
    assert levels[0] == 1
    assert all(after - before <= 1 for before, after in pairwise(levels))
    assert len(page.ids()) == len(set(page.ids()))
    assert {one["href"][1:] for one in page.all("a")} <= set(page.ids())


def test_the_page_tells_the_run_in_its_order(page):
    """From what was asked to what to try next, the sections of the task among them."""
    sections = [one["id"] for one in page.all("section")]
    assert sections == [
        *("asked", "images", "augmentation", "search", "training", "evaluation"),
        *("classes", "confusions", "mistakes"),
        *("cost", "verdict", "next"),
    ]
    for told in (
        "75.0% accuracy on 4 test images",
        "95% interval 30.0% to 90.0%",
        "the largest class alone: 50.0%",
        "12 images used",
        "broken.png",
        "head at 0.001 is chosen.",
        "Epoch 2 is the best",
        "1 of 4 test images are wrong",
        "3.png",
    ):
        assert told in page.text, told


def test_names_are_text_whatever_they_hold(place):
    """Of classes and of files: no element, no attribute and no place of ours comes of them."""
    report_inputs.write_all(place.root, names=NASTY, file=NASTY_FILE)
    page = page_of(place)
    for name in (*NASTY, NASTY_FILE):
        assert name in page.text
    assert not page.all("script")
    assert not page.all("b")
    assert len(page.all("img")) == 2, "the preview and the one mistake"
    assert page.comments.count("verdict") == 1


def test_equal_runs_have_equal_pages(built):
    """So nothing changed costs nothing, and the lock stays as it is."""
    page_of(built)
    path = built.root / "build/report/index.html"
    first = path.read_bytes()
    page_of(built)
    assert path.read_bytes() == first
    assert str(built.root).encode() not in first


def test_a_search_of_one_trial_and_a_training_of_one_epoch_have_a_page(built):
    """Nothing to compare, no decision, no importance."""
    search, train = built.root / "build/search", built.root / "build/train"
    pd.DataFrame([report_inputs.trial(0, chosen=True, epochs=1)]).to_csv(
        search / "trials.csv", index=False
    )
    pd.DataFrame([{"number": 0, "epoch": 1, **report_inputs.EPOCH}]).to_csv(
        search / "curves.csv", index=False
    )
    files.write_text(search / "decisions.csv", "trials_before,decision\n")
    files.write_json(search / "importances.json", {})
    pd.DataFrame([{"epoch": 1, **report_inputs.EPOCH}]).to_csv(train / "history.csv", index=False)
    files.write_json(train / "training.json", {"kept_epoch": 1})
    page = page_of(built)
    assert "This strategy chose by the scores alone." in page.text
    assert "nan" not in page.text.lower().split()


def test_a_perfect_test_has_a_page(built):
    """No mistake, no confusion."""
    evaluate = built.root / "build/evaluate"
    files.write_text(evaluate / "mistakes.csv", "path,true,predicted,probability\n")
    rows = "".join(f"{name},{name}\n" for name in report_inputs.NAMES)
    files.write_text(evaluate / "tables/confusion.csv", f"true,predicted\n{rows}")
    page = page_of(built)
    assert "Nothing to show: all 4 test images are right." in page.text
    assert "Nothing was taken for anything else." in page.text


def test_what_differs_from_its_default_is_told():
    """Of every stage; what has no default is shown and not compared."""

    class Given(Params):
        """A stage's."""

        epochs: int = 4
        seed: int = 0
        words: tuple[str, ...] = ("a",)
        """What is said."""
        needed: int

    told = _settings("train", Given(epochs=8, needed=1))
    assert [(one.name, one.value, one.default, one.changed) for one in told] == [
        ("train.epochs", "8", "4", True),
        ("train.seed", "0", "0", False),
        ("train.words", "[a]", "[a]", False),
        ("train.needed", "1", "", False),
    ]
    assert told[2].meaning == "What is said."


def test_a_parameter_file_that_is_wrong_is_said(built):
    """The page shows the parameters of all stages, so all are checked."""
    built.change("search", epochs=0)
    outcome = built.run("report")
    assert outcome.code == 2
    assert "params/search.yaml: epochs" in outcome.errors


def test_what_reports_starts_without_torch():
    """Which takes seconds to import, and draws nothing."""
    code = (
        "import sys, components.report, components.page.write, components.figures.registry;"
        "sys.exit('torch' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_many_classes_are_shown_without_a_matrix(place):
    """Beyond some twenty its fields would be too small; the commonest confusions remain."""
    names = [f"class {number:02}" for number in range(30)]
    report_inputs.write_all(place.root, names=names)
    page = page_of(place)
    assert "class 01 → class 02" in page.text
    assert not [one for one in page.all("table") if one.get("class") == "matrix"]


def test_a_class_without_test_images_has_no_figures(built):
    """And none that reads as a number."""
    path = built.root / "build/evaluate/tables/classes.csv"
    table = pd.read_csv(path, dtype={"class": str}, keep_default_na=False)
    table.loc[0, ["images", "recall_low", "recall_high"]] = [0, np.nan, np.nan]
    table.to_csv(path, index=False)
    assert "no test image" in page_of(built).text
