"""Few images are judged in folds: no group parted, no class left out, and what that costs."""

from contextlib import suppress
from dataclasses import replace

import numpy as np
import pytest
import torch

from components.data.batch import Batch
from components.evaluation import scores
from components.frame import progress
from components.frame.errors import UsageError
from components.study import folds
from components.study import search as module
from components.study.record import OwnRecord
from components.study.runner import Outcome, forget
from components.study.trial import Asked
from components.study.trial_inputs import Reuse
from components.study.values import FEW, FOLDS
from components.training.history import Epoch
from components.training.recipe import Setting

COUNT = 3


class PowerCutError(Exception):
    """Stands for a kill."""


def epoch(values, number=1):
    """What validating images of these scores comes to."""
    return Epoch(
        epoch=number,
        train_loss=0.5,
        train_score=0.5,
        validation_loss=1 - float(np.mean(values)),
        validation_score=scores.mean(values),
        validation_score_error=scores.standard_error(values, (0.0, 1.0)),
        learning_rate=1e-3,
    )


def grouped(images, groups):
    """Both splits as one, where these belong together, in its order."""
    pool = folds.pooled(images)
    by_pixel = np.zeros(pool.train.indices.max() + 1, dtype=object)
    by_pixel[pool.train.indices] = groups
    return replace(pool, groups=by_pixel)


def asked(stage="full", freeze_depth=5, epochs=2):
    setting = Setting(freeze_depth=freeze_depth, learning_rate=3e-3)
    return Asked(setting=setting, origin="rule", stage=stage, epochs=epochs)


def run(search, wanted, number=3, on_fold=lambda *_: False, before=()):
    keep = search.folder / f"{number}.safetensors"
    outcome = search.runner.run(number, wanted, before, keep, lambda *_: False, on_fold)
    forget(keep)
    return outcome


def test_groups_are_never_parted_and_classes_are_spread(images):
    """Every image is judged once; a class has its fraction in each part."""
    pool = folds.pooled(images)
    groups = np.arange(len(pool.train)) // 2  # neighbours are of two classes
    pool = grouped(images, groups)
    parts = folds.partition(pool, COUNT, seed=1)
    assert sorted(np.concatenate([fold.val for fold in parts])) == [*range(len(groups))]
    for fold in parts:
        assert not set(groups[fold.train]) & set(groups[fold.val])
        assert sorted([*fold.train, *fold.val]) == [*range(len(groups))]
        fraction = pool.train.targets[fold.val].mean()
        assert fraction == pytest.approx(pool.train.targets.mean(), abs=0.1)


def test_a_class_of_one_group_is_always_trained_on(images):
    """No network is judged on what it could not learn."""
    pool = folds.pooled(images)
    targets = np.where(np.arange(len(pool.train)) < 4, 2, pool.train.targets)
    groups = np.where(targets == 2, "one", np.arange(len(targets)).astype(str))
    whole = grouped(images, groups)
    whole = replace(whole, train=replace(whole.train, targets=targets))
    for fold in folds.partition(whole, COUNT, seed=0):
        assert set(targets[fold.train]) == {0, 1, 2}
        assert 2 not in targets[fold.val]


def test_other_seeds_give_other_folds(images):
    """And equal ones the same."""
    pool = folds.pooled(images)
    one, other, again = (folds.partition(pool, COUNT, seed)[0].val for seed in (0, 1, 0))
    assert one.tolist() == again.tolist() != other.tolist()


def test_few_validation_images_have_folds(images):
    """As many as there can be; from the stated number on the split is taken as it is."""
    assert folds.number("auto", images, batch_size=8) == FOLDS
    assert folds.number(1, images, batch_size=8) == 1
    assert folds.number("auto", images, batch_size=len(images.train) + 8) == 1
    val = images.val
    rows = np.resize(np.arange(len(val)), FEW)
    many = replace(images, val=replace(val, indices=val.indices[rows], targets=val.targets[rows]))
    assert folds.number("auto", many, batch_size=8) == 1
    assert folds.number(7, many, batch_size=8) == 7


def test_too_many_folds_are_refused_with_the_most(images):
    """A class has no more images."""
    with pytest.raises(UsageError, match=r"but is 40\. Set search\.folds=27 or auto"):
        folds.number(40, images, batch_size=8)


def test_the_score_is_that_of_all_images_and_so_is_its_error():
    """As if one network had judged them: folds of other sizes count by their images."""
    rng = np.random.default_rng(0)
    judged = [(rng.random(size) < 0.8).astype(float) for size in (40, 44, 60)]
    (mean,) = folds.mean([[epoch(values)] for values in judged], [len(v) for v in judged])
    pool = np.concatenate(judged)
    assert mean.validation_score == pytest.approx(pool.mean())
    assert mean.validation_loss == pytest.approx(1 - pool.mean())
    binomial = np.sqrt(pool.var() / len(pool))
    assert mean.validation_score_error == pytest.approx(binomial, rel=0.05)


def test_folded_trial_from_the_cache_equals_the_uncached_one(make_search):
    """To the bit, in every fold; other rows of the same activations."""
    one, other = (
        run(make_search(name, folds=COUNT, cache_bytes=room), asked())
        for name, room in (("a", 2**30), ("b", 0))
    )
    assert (one.cached, other.cached) == (True, False)
    assert one.history == other.history
    assert len(one.history) == 2
    assert not one.early


def test_a_fold_costs_what_lies_behind_the_frozen_layers(make_search, monkeypatch):
    """Every image's activations are computed once, also for a confirmation run's own folds."""
    passes = []
    batches = Reuse._batches

    def counted(self, magnitude, view):
        passes.append(view)
        return batches(self, magnitude, view)

    monkeypatch.setattr(Reuse, "_batches", counted)
    search = make_search(folds=COUNT)
    first = run(search, asked())
    assert passes == [0, 1, None]
    again = run(search, asked("confirmation"), number=4)
    assert passes == [0, 1, None]
    assert again.history != first.history
    own = search.runner._folds(4, asked("confirmation"))
    assert [fold.val.tolist() for fold in own] != [fold.val.tolist() for fold in search.reuse.folds]
    space = search.reuse.space
    images = search.reuse.images
    assert space.validation_rows == len(images.train) + len(images.val)
    filling = space.filling(max({5, *search.reuse.ahead}), validation=True)
    assert first.cost == 2 * space.epoch(5, cached=True) + filling


def test_trial_that_is_killed_between_folds_goes_on(make_search):
    """With equal bits; what it kept goes in the end."""
    expected = run(make_search("whole", folds=COUNT), asked())
    search, seen = make_search("cut", folds=COUNT), []

    def cut(fold, *_):
        seen.append(fold)
        if len(seen) == 2:
            raise PowerCutError
        return False

    keep = search.folder / "3.safetensors"
    with pytest.raises(PowerCutError):
        search.runner.run(3, asked(), (), keep, lambda *_: False, cut)
    outcome = run(search, asked(), on_fold=cut)
    assert seen == [1, 2, 1, 2, 3]
    assert (outcome.history, outcome.audit) == (expected.history, expected.audit)
    assert not [*search.folder.glob("3*")]


def test_a_trial_that_is_given_up_leaves_folds_out(make_search):
    """It costs less, and is no full trial."""
    search = make_search(folds=COUNT)
    whole, early = (
        run(search, asked(), on_fold=lambda fold, *_, at=at: fold == at) for at in (9, 2)
    )
    assert (whole.early, early.early) == (False, True)
    filling = search.reuse.space.filling(max({5, *search.reuse.ahead}), validation=True)
    assert early.cost - filling == (whole.cost - filling) * 2 // 3


def test_how_far_a_trial_is_shows_between_its_folds(make_search, monkeypatch, capsys):
    """Epochs are told when all folds are done: until then nothing else would be heard of it."""
    monkeypatch.setattr(progress, "APART", 0.0)
    make_search(folds=COUNT, max_trials=1, epochs=1).run()
    said = capsys.readouterr().out
    assert "trial 0, folds done 1 of 3" in said
    assert "trial 0, folds done 3 of 3" not in said, "the trial's own line comes next"


def test_a_probe_head_and_the_loss_know_the_training_part_alone(make_search):
    """What is judged stays unseen."""
    reuse = make_search(folds=COUNT).reuse
    setting = reuse.space.setting(5, 1e-3, head_start="probe")
    one, other = (
        reuse.model(setting, 1, fold).classifier.weight.clone() for fold in reuse.folds[:2]
    )
    assert not torch.equal(one, other)
    feed = reuse.inputs(reuse.model(setting, 1, reuse.folds[0]), setting, 1, 2, reuse.folds[0]).feed
    assert len(feed.targets) == len(reuse.folds[0].train)
    judged = Batch.__len__
    assert sum(map(judged, feed.validation())) == len(reuse.folds[0].val)


def test_a_trial_worse_than_the_best_at_each_fold_ends(tmp_path, plan):
    """By Wilcoxon's test, after four of five; a mixed one goes on."""
    last = plan.freeze_depths[1]
    layers, fractions = [*map(str, range(last + 1))], (1.0,) * (last + 1)
    record = OwnRecord(tmp_path, replace(plan, folds=5), layers, fractions)
    best = record.begin(0, asked())
    for fold in range(1, 6):
        best.report(0.9 + fold / 100, fold)
    history = (epoch([1.0] * 9 + [0.0], 1), epoch([1.0] * 9 + [0.0], 2))
    record.end(best, asked(), Outcome(history=history, audit=(), cost=1, cached=True, why=""))
    worse, mixed = record.begin(1, asked()), record.begin(2, asked())
    ended = []
    for fold in range(1, 5):
        worse.report(0.8 - fold / 50, fold)
        mixed.report(0.92 + fold / 100 * (-1) ** fold, fold)
        ended.append((worse.should_prune(), mixed.should_prune()))
    assert ended == [(False, False), (False, False), (False, False), (True, False)]
    early = record.end(
        worse, asked(), Outcome(history=history, audit=(), cost=1, cached=True, why="", early=True)
    )
    assert early.kind == "pruned"


def test_search_over_folds_says_so_and_ends_the_same_after_a_kill(make_search, monkeypatch):
    """Cut in a trial of each kind; what it reports is of its last run."""
    changes = {"folds": COUNT, "max_trials": 2, "epochs": 2}
    expected = make_search("whole", **changes).run()
    assert "few: each trial is scored over 3 folds of all 53 images" in expected.decisions[0][1]
    assert expected.score == expected.trials[-1].score
    assert expected.trials[-1].stage == "confirmation"
    told, runner = set(), module.Runner.run

    def cut(self, number, wanted, before, keep, on_epoch, on_fold):
        def cutting(fold, *reached):
            if fold == 2 and wanted.stage not in told:
                told.add(wanted.stage)
                raise PowerCutError
            return on_fold(fold, *reached)

        return runner(self, number, wanted, before, keep, on_epoch, cutting)

    monkeypatch.setattr(module.Runner, "run", cut)
    for _ in range(100):
        with suppress(PowerCutError):
            found = make_search("cut", **changes).run()
            break
    assert told >= {"full", "confirmation"}
    assert [one.row() for one in found.trials] == [one.row() for one in expected.trials]
    assert (found.chosen, found.decisions) == (expected.chosen, expected.decisions)
