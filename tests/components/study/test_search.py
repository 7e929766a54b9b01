"""The whole search: killed anywhere it ends as if it had not been."""

from collections import Counter
from contextlib import suppress
from dataclasses import replace
from math import sqrt

import pytest

from components.features.cache import DISK_TOO_FULL
from components.frame import events
from components.frame.errors import DataError
from components.study import search as module
from components.study.strategies.strategy import named
from components.study.strategies.tpe import conditional
from components.training.recipe import DEFAULTS, Setting


class PowerCutError(Exception):
    """Stands for a kill."""


def table(found):
    return [trial.row() for trial in found.trials], found.chosen, found.decisions


def cut_after_epochs(monkeypatch):
    """Kill every search from now on after each epoch that it tells; the epochs are counted."""
    cuts = Counter()
    report = module.EpochReport.__call__

    def cut_report(self, epoch, *measured):
        new = epoch.epoch not in self._told
        report(self, epoch, *measured)
        if new:
            cuts["epochs"] += 1
            raise PowerCutError
        return False

    monkeypatch.setattr(module.EpochReport, "__call__", cut_report)
    return cuts


def run_until_done(make):
    """Run a search anew after every cut; what it found in the end."""
    for _ in range(100):
        with suppress(PowerCutError):
            return make().run()
    raise AssertionError("the search does not end")


@pytest.fixture(params=["staged", "tpe", "baseline"])
def strategy(request):
    return request.param


def test_killed_search_ends_with_the_same_trials(make_search, strategy, monkeypatch):
    """Cut after every epoch and after every trial's end, it is never thrown off."""
    expected = table(make_search("whole", strategy=strategy, prune_after=2).run())
    cuts = cut_after_epochs(monkeypatch)
    tell = module.Search._tell_end

    def cut_tell(self, trial, seconds, failure=None):
        if seconds:
            raise PowerCutError
        tell(self, trial, seconds, failure)

    monkeypatch.setattr(module.Search, "_tell_end", cut_tell)
    found = run_until_done(lambda: make_search("cut", strategy=strategy, prune_after=2))
    assert table(found) == expected
    assert cuts["epochs"] == sum(len(trial.history) for trial in found.trials)


def test_without_a_search_the_baseline_that_trains_most_is_taken(make_search):
    """And nothing is run but its confirmation."""
    found = make_search("none", strategy="baseline", confirmation_runs=2).run()
    baseline = min(found.space.enqueued, key=lambda one: one.freeze_depth)
    assert found.chosen == baseline
    assert [(trial.stage, trial.setting) for trial in found.trials] == 2 * [
        ("confirmation", baseline)
    ]
    assert "is taken without a search" in found.decisions[0][1]


def test_killed_lean_search_gives_up_the_same_cut(make_search, monkeypatch):
    """One that does not lead the head, cut after every epoch."""
    expected = make_search("whole", compute=1.5).run()
    given_up = [trial for trial in expected.trials if trial.kind == "pruned"]
    assert [(trial.stage, len(trial.history)) for trial in given_up] == [("confirmation", 2)]
    assert any("given up" in sentence for _, sentence in expected.decisions)
    cut_after_epochs(monkeypatch)
    assert table(run_until_done(lambda: make_search("cut", compute=1.5))) == table(expected)


def test_epochs_and_trials_are_told_once(make_search, strategy):
    """Also when the search is opened again after its end."""
    found = make_search(strategy=strategy).run()
    search = make_search(strategy=strategy)
    assert table(search.run()) == table(found)
    told = events.read(search.log.path)
    trials = Counter(event["number"] for event in told if event["kind"] == "trial")
    assert trials == dict.fromkeys(range(len(found.trials)), 1)
    epochs = Counter((e["trial"], e["epoch"]) for e in told if e["kind"] == "epoch")
    assert set(epochs.values()) == {1}


def test_search_repeats_to_the_bit(make_search, strategy):
    """Whatever is in the cache already."""
    one = make_search("a", strategy=strategy).run()
    other = make_search("b", strategy=strategy).run()
    assert table(one) == table(other)


def test_chosen_setting_was_trained_in_a_confirmation_run(make_search, strategy):
    """And its mean score is what is reported; it is the best one, or tied and not the head."""
    search = make_search(strategy=strategy, confirmation_runs=2)
    found, space = search.run(), search.reuse.space
    confirmations = [
        t for t in found.trials if t.stage == "confirmation" and t.setting == found.chosen
    ]
    assert len(confirmations) == 2
    assert found.score == sum(t.score for t in confirmations) / 2
    means = {}
    for trial in (t for t in found.trials if t.stage == "confirmation"):
        means.setdefault(trial.setting, []).append(trial)
    best = max(means, key=lambda setting: sum(t.score for t in means[setting]))
    highest = sum(t.score for t in means[best]) / 2
    if best.freeze_depth == space.head:
        assert found.score >= highest - sum(t.error for t in means[best]) / 2 * sqrt(2)
    else:
        assert found.score == highest


def test_time_limit_ends_the_exploring_and_is_kept_after_a_kill(make_search):
    """One trial and its repetition, and a sentence that says so."""
    for _ in range(2):
        found = make_search(max_minutes=1e-9).run()
        assert [trial.stage for trial in found.trials] == ["full", "confirmation"]
        assert "time is up after 1 trials" in found.decisions[0][1]


def test_choices_besides_depth_and_rate_are_kept_and_resumed(make_search):
    """A study that is opened again hands the same settings back."""
    more = {name: (value,) for name, value in DEFAULTS.items()} | {
        "tuning": ("norms", "full"),
        "phases": ("lp_ft",),
        "layer_decay": (1.0, 0.7),
        "weight_decay": (0.05, 0.0),
        "head_dropout": (0.0, 0.3),
        "magnitude": (1, 2),
        "class_weights": ("none", '{"a": 2.0}'),
        "label_smoothing": (0.1, 0.0),
        "stochastic_depth": (0.1, 0.0),
        "distillation": (0.0,),
        "distillation_temperature": (2.0,),
        "ema": (0.0,),
        "optimizer": ("sgd", "adamw"),
        "momentum": (0.8, 0.7),
    }
    found = make_search(strategy="tpe", choices=more, max_trials=8).run()
    assert table(make_search(strategy="tpe", choices=more, max_trials=8).run()) == table(found)
    rows = [trial.row() for trial in found.trials]
    assert {row["magnitude"] for row in rows} == {1, 2}
    assert all(row["layer_decay"] == 1.0 for row in rows if row["freeze_depth"] == 6)
    assert all(row["stochastic_depth"] == 0.0 for row in rows if row["freeze_depth"] == 6)
    assert {row["optimizer"] for row in rows} == {"adamw", "sgd"}
    assert all((row["momentum"] == 0.9) is (row["optimizer"] == "adamw") for row in rows)
    for row in (row for row in rows if row["origin"] == "sampled"):
        alone = row["freeze_depth"] == 6
        assert row["phases"] == ("none" if alone else "lp_ft")
        assert row["tuning"] == "full" or not alone
    space = found.space
    assert conditional(space, 5)["tuning"] == ("norms", "full")
    assert "tuning" not in conditional(space, 6)
    assert named(space, space.setting(5, 1e-3, tuning="full")).endswith("at 0.001, tuning full")


def test_search_without_any_finished_trial_says_so(make_search):
    """A rate at which every loss is no number."""
    with pytest.raises(DataError, match="no trial of the search reached its end"):
        make_search(rates=(1e30, 1e31), enqueued=(), max_trials=3).run()


def test_failed_trials_are_kept_as_failed(make_search):
    """With no score, and outside the choice."""
    wild = (
        Setting(freeze_depth=0, learning_rate=1e30),
        Setting(freeze_depth=5, learning_rate=1e-2),
    )
    found = make_search(strategy="tpe", rates=(1e-3, 1e31), enqueued=wild, max_trials=2).run()
    assert [t.state for t in found.trials] == ["failed", "complete", "complete"]
    assert found.chosen == wild[1]


def test_search_says_what_a_full_disk_left_without_kept_activations(
    make_search, small_disk, tmp_path, capsys
):
    """Each trial says why, and the last decision which; without such trials nothing is said."""
    small_disk(tmp_path / "full" / "cache")
    found = make_search("full", max_trials=1, epochs=1).run()
    refused = [str(trial.number) for trial in found.trials if trial.why == DISK_TOO_FULL]
    assert refused
    sentence = found.decisions[-1][1]
    assert f"trials {', '.join(refused)} of {len(found.trials)}." in sentence
    assert sentence in capsys.readouterr().out
    assert not module._refused([replace(trial, why="") for trial in found.trials])
