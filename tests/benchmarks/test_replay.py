"""The search on measured accuracies: what it reads, what it makes of them, what it prints."""

import json
from itertools import pairwise

import pytest

from benchmarks import replay
from benchmarks.replay import EMBEDDING_SHIFT, Curve
from components.training.recipe import Setting

HEADING = "network,dataset,optimizer,trained,learning_rate,accuracy"
FULL = {3e-7: 80, 1e-6: 86, 3e-6: 90, 1e-5: 90, 3e-5: 84, 1e-4: 30}
SGD = {3e-5: 88, 1e-4: 90, 3e-4: 88, 1e-3: 80, 3e-3: 40}


def lines(name, optimizer, trained, curve, scale=1.0):
    return [f"{name},d,{optimizer},{trained},{rate},{a * scale}" for rate, a in curve.items()]


@pytest.fixture
def said(tmp_path, monkeypatch, capsys):
    """Replay such lines; the rows that are printed."""

    def run(*rows, heading=HEADING, options=()):
        path = tmp_path / "curves.csv"
        path.write_text("\n".join([heading, *rows]))
        monkeypatch.setattr("sys.argv", ["replay.py", "--data", str(path), "--json", *options])
        replay.main()
        return json.loads(capsys.readouterr().out.splitlines()[-1])["rows"]

    return run


def test_a_transformer_is_searched_at_its_own_rates(said):
    """Within a standard error with both optimizers, whose rates lie a factor of thirty apart."""
    rows = said(
        *lines("clip_vit_x", "AdamW", "full", FULL),
        *lines("clip_vit_x", "AdamW", "head", {1e-3: 70, 1e-2: 72}),
        *lines("clip_vit_x", "SGD", "full", SGD),
    )
    assert [(one["network"], one["dataset"], one["optimizer"]) for one in rows] == [
        ("clip_vit_x", "d", "AdamW"),
        ("clip_vit_x", "d", "SGD"),
    ]
    assert all(one["within_one_standard_error"] for one in rows)
    assert [one["best"] for one in rows] == [0.9, 0.9]
    assert [one["head"] for one in rows] == [0.72, None]
    assert not any(one["below_head"] for one in rows)


def test_fractions_are_read_as_percent_are(said):
    rows = (said(*lines("vit", "AdamW", "full", FULL, scale)) for scale in (1, 0.01))
    assert next(rows) == next(rows)


def test_a_missed_best_is_said(said):
    """One at a rate that no transformer was seen to bear."""
    (row,) = said(*lines("vit", "AdamW", "full", {1e-5: 50, 1e-2: 60, 1e-1: 90}))
    assert not row["within_one_standard_error"]
    assert row["reached"] < 0.7


def test_a_head_that_is_best_is_what_is_chosen(said):
    low = dict.fromkeys(FULL, 60)
    (row,) = said(
        *lines("vit", "AdamW", "full", low), *lines("vit", "AdamW", "head", {1e-3: 80, 1e-2: 80})
    )
    assert (row["reached"], row["below_head"]) == (0.8, False)


def test_a_file_without_optimizers_says_it_by_option(said):
    (row,) = said("r,d,full,0.001,90", heading=HEADING.replace("optimizer,", ""))
    assert row["optimizer"] == "SGD"


def test_accuracies_fall_beyond_what_was_measured():
    """Down to none; along the last two where they fall faster already."""
    curve = Curve((1e-5, 1e-4, 1e-3), (0.8, 0.9, 0.5))
    assert curve.at(1e-5) == 0.8
    assert curve.at(10**-4.5) == pytest.approx(0.85)
    assert curve.at(1e-6) == pytest.approx(0.6)
    assert curve.at(1e-8) == 0.0
    assert curve.at(10**-2.5) == pytest.approx(0.3)
    lone = Curve((1e-3,), (0.9,))
    assert lone.at(1e-2) == lone.at(1e-4) == pytest.approx(0.8)
    falling = [lone.at(10**power) for power in (-3, -2.9, -2, -1, 0)]
    assert all(one > other for one, other in pairwise(falling))


def test_what_stands_for_the_frozen_embedding_and_what_was_measured_of_it(tmp_path):
    """A shifted copy; a curve of its own where there is one."""
    path = tmp_path / "curves.csv"
    own = lines("vit_b", "SGD", "all but patch embedding and first norm", {1e-4: 95, 1e-3: 70})
    path.write_text("\n".join([HEADING, *lines("vit_a", "SGD", "full", SGD), *own]))
    copied, measured = replay.rows_of(path, "SGD")
    asked = Setting(freeze_depth=1, learning_rate=1e-4 * EMBEDDING_SHIFT)
    assert copied.value(asked) == pytest.approx(0.9)
    assert measured.value(Setting(freeze_depth=1, learning_rate=1e-4)) == pytest.approx(0.95)


def test_adapters_and_layers_are_settings_of_their_own(tmp_path):
    path = tmp_path / "curves.csv"
    some = [("blocks.10", 3), ("blocks.6", 2), ("lora", 8), ("head", 1)]
    rows = [f"vit,d,AdamW,{name},0.001,{value / 10}" for name, value in some]
    path.write_text("\n".join([HEADING, *rows, "vit,d,AdamW,full,0.001,0.5"]))
    (row,) = replay.rows_of(path, "SGD")
    assert row.layers == ("full", "all but embedding", "blocks.6", "blocks.10", "head")
    at = [row.value(Setting(freeze_depth=depth, learning_rate=1e-3)) for depth in range(5)]
    assert at == pytest.approx([0.5, 0.5, 0.2, 0.3, 0.1])
    lora = Setting(freeze_depth=1, learning_rate=1e-2, backbone_rate=0.1, lora_rank=8)
    assert row.value(lora) == pytest.approx(0.8)


def test_a_probe_reaches_what_a_lower_rate_does_but_no_more_than_its_own(tmp_path):
    """Too low a rate is the worse for a short schedule, and too high a rate is no better."""
    path = tmp_path / "curves.csv"
    path.write_text("\n".join([HEADING, *lines("vit_a", "AdamW", "full", FULL)]))
    (row,) = replay.rows_of(path, "SGD")
    at = [Setting(freeze_depth=0, learning_rate=rate) for rate in (3e-6, 1e-4)]
    assert [row.value(one) for one in at] == pytest.approx([0.9, 0.3])
    assert row.value(at[0], 1 / 3) == pytest.approx(0.86)
    assert row.value(at[1], 1 / 3) == pytest.approx(0.3)


def test_a_file_without_accuracies_is_refused(said):
    with pytest.raises(SystemExit, match="must have the columns accuracy"):
        said("vit,d,AdamW,full,1", heading=HEADING.replace(",accuracy", ""))
