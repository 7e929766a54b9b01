"""Weights of the best epochs are averaged as far as validation gains by it."""

from dataclasses import replace

import pytest
import torch

from components.model.groups import groups
from components.training import soup as soups
from components.training.fit import fit
from components.training.recipe import Recipe, Setting
from components.training.soup import average, cook, interpolated
from components.training.validate import Validated, validate

CPU = torch.device("cpu")
SETTING = Setting(freeze_depth=0, learning_rate=1e-2)
RECIPE = Recipe(setting=SETTING, epochs=4, patience=4, seed=0)


def weights(body, head=0.0):
    return {"body": torch.tensor([body]), "head": torch.tensor([head]), "seen": torch.tensor(7)}


def judging(best):
    """The nearer the body is to `best`, the better; what was judged is written down."""
    judged = []

    def judge(tensors):
        judged.append(float(tensors["body"]))
        return Validated(0.0, -abs(judged[-1] - best), 0.1), tensors

    return judge, judged


def made(best, kept, start=0.0):
    judge, judged = judging(best)
    reached, _ = judge(next(iter(kept.values())))
    judged.clear()
    return cook(kept, reached, weights(start, 9.0), {"head"}, judge), judged


def test_an_epoch_is_taken_in_where_the_mean_is_as_good():
    """Recipe 1 of the paper: in the order of their scores, by what the mean of all reaches."""
    kept = {3: weights(2.0), 1: weights(8.0), 4: weights(10.0), 2: weights(2.0)}
    found, judged = made(4.0, kept)
    assert judged[:3] == pytest.approx([5.0, 20 / 3, 4.0])  # the second is no gain and is left out
    assert found.epochs == (3, 1, 2)
    assert found.fraction == 1.0
    assert found.tensors["body"] == 4.0
    assert found.tensors["seen"] == 7


def test_the_way_back_to_the_start_is_tried_and_the_head_stays():
    """WiSE-FT: (1 - a) start + a end."""
    found, judged = made(1.0, {2: weights(4.0, 5.0)})
    assert judged == [3.0, 2.0, 1.0]
    assert (found.epochs, found.fraction) == ((2,), 0.25)
    assert found.tensors["head"] == 5.0
    assert found.validation.score == 0.0


def test_mixtures_are_by_the_formulas():
    """The mean, and torch's own interpolation."""
    one, other = weights(1.0, 2.0), weights(4.0, 6.0)
    assert average([one, other])["body"] == 2.5
    mixed = interpolated(one, other, 0.75, {"head"})
    assert mixed["body"] == torch.lerp(one["body"], other["body"], 0.75)
    assert mixed["head"] == other["head"]


@pytest.fixture
def train(images, pretrained, tmp_path, feed_of):
    def run(name="keep", *, soup=True, on_epoch=lambda *_: False, start=pretrained):
        model = start.network(0)
        done = fit(
            model,
            groups(model),
            feed_of(images),
            images.task,
            RECIPE,
            device=CPU,
            keep=tmp_path / f"{name}.safetensors",
            keep_best=True,
            on_epoch=on_epoch,
            soup=soup,
        )
        return model, done

    return run


def test_what_a_fit_keeps_is_the_soup(train, images, feed_of):
    """No worse than its best epoch, told as it is; the history is that of a fit without."""
    model, done = train()
    _, plain = train("plain", soup=False)
    assert done.history == plain.history
    assert plain.soup is None
    assert done.soup.epochs[0] == done.best.epoch
    assert done.validation.rank >= done.best.rank
    found = validate(model, feed_of(images).validation(), images.task, device=CPU)
    assert found.loss == pytest.approx(done.validation.loss, abs=1e-5)


def test_a_soup_of_all_is_the_mean_with_statistics_of_its_own(train, monkeypatch):
    """Whatever validation says: parameters are the mean, batch normalisation saw the images."""
    monkeypatch.setattr(soups, "FRACTIONS", ())
    monkeypatch.setattr(Validated, "rank", (0.0, 0.0))
    seen = []
    real = soups.average
    monkeypatch.setattr(soups, "average", lambda several: seen.append(several) or real(several))
    model, done = train()
    assert len(done.soup.epochs) == len(seen[-1]) == RECIPE.epochs <= soups.MOST
    for name, value in model.named_parameters():
        torch.testing.assert_close(value.detach(), torch.stack([s[name] for s in seen[-1]]).mean(0))
    counters = [v for name, v in model.named_buffers() if name.endswith("num_batches_tracked")]
    assert {int(counter) for counter in counters} == {5}  # 40 images in batches of 8


def test_a_killed_fit_makes_the_same_soup(train):
    """All kept epochs come back from the checkpoint, in their order."""

    def cut(epoch, *_):
        if epoch.epoch == 3:
            raise KeyboardInterrupt
        return False

    whole, expected = train("whole")
    with pytest.raises(KeyboardInterrupt):
        train("cut", on_epoch=cut)
    resumed, found = train("cut")
    assert (found.soup.epochs, found.soup.fraction) == (
        expected.soup.epochs,
        expected.soup.fraction,
    )
    for name, value in resumed.state_dict().items():
        assert torch.equal(value, whole.state_dict()[name]), name


def test_no_more_epochs_are_kept_than_are_mixed(train, monkeypatch):
    """Memory and checkpoint hold so many sets of weights, those of the best epochs."""
    monkeypatch.setattr("components.training.fit.MOST", 2)
    asked = []
    real = soups.cook
    monkeypatch.setattr(
        "components.training.fit.cook",
        lambda kept, *rest: asked.append(list(kept)) or real(kept, *rest),
    )
    _, done = train()
    ranked = sorted(done.history, key=lambda epoch: epoch.rank, reverse=True)
    assert asked == [[epoch.epoch for epoch in ranked[:2]]]


@pytest.mark.parametrize(("names", "drawn"), [(("a", "b"), False), (("a", "c"), True)])
def test_a_head_that_was_known_goes_the_way_back_too(train, pretrained, monkeypatch, names, drawn):
    """One of which a row was drawn stays: the start's is of no use."""
    config = replace(pretrained.config, names=names)
    start, asked = replace(pretrained, config=config, names=("a", "b")), []
    real = soups.cook
    monkeypatch.setattr(
        "components.training.fit.cook", lambda *all_: asked.append(all_[3]) or real(*all_)
    )
    train(start=start)
    assert (tuple(asked[0]) == ("classifier.weight", "classifier.bias")) is drawn
