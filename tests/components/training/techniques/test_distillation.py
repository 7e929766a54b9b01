"""The network that training starts from teaches what its classifier knows."""

from dataclasses import replace

import pytest
import torch
from torch.nn import functional

from components.data.batch import Batch
from components.frame.errors import InertError, UsageError
from components.model.groups import groups
from components.training.fit import fit
from components.training.recipe import Recipe, Setting
from components.training.techniques.distillation import Distillation

CPU = torch.device("cpu")
SETTING = Setting(freeze_depth=6, learning_rate=1e-1, distillation=30.0)
"""The head alone trains, so that batch normalisation has no say."""
RECIPE = Recipe(setting=SETTING, epochs=2, patience=2, seed=0)


@pytest.fixture
def champion(pretrained):
    """A start whose classifier knows both classes, and is sure of itself."""
    state = dict(pretrained.state)
    state["classifier.weight"] = 20 * state["classifier.weight"]
    config = replace(pretrained.config, names=("a", "b"))
    return replace(pretrained, config=config, state=state, names=("a", "b"))


@pytest.fixture
def train(images, tmp_path, feed_of):
    def run(start, setting=SETTING):
        model = start.network(0)
        done = fit(
            model,
            groups(model),
            feed_of(images),
            images.task,
            replace(RECIPE, setting=setting),
            device=CPU,
            keep=tmp_path / str(setting.distillation),
            keep_best=False,
            on_epoch=lambda *_: False,
        )
        return model.eval(), done

    return run


def test_it_is_the_formula_of_the_paper(champion):
    """T^2 KL(softmax(teacher / T) || softmax(student / T)), the mean over images."""
    model, images = champion.network(0), torch.randn(5, 3, 32, 32)
    technique = Distillation(0.5, 3.0)
    technique.begin(model, groups(model))
    outputs = torch.randn(5, 2)
    with torch.no_grad():
        taught = model.eval()(images)
        model.classifier.weight.zero_()  # the teacher is what was there
    p, q = (functional.softmax(one / 3.0, dim=1) for one in (taught, outputs))
    expected = 0.5 * 9.0 * (p * (p / q).log()).sum(1).mean()
    found = technique.penalty(model, Batch(images, torch.zeros(5)), outputs)
    torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-5)
    assert technique.in_force() == {"weight": 0.5, "temperature": 3.0, "outputs": 2}


def test_what_the_teacher_does_not_know_is_not_taught(champion):
    """A class that appears takes no part in the softmax of either."""
    grown = replace(champion, outputs=3, names=("a", "aa", "b"))
    model, images = grown.network(0), torch.randn(5, 3, 32, 32)
    technique = Distillation(1.0, 1.0)
    technique.begin(model, groups(model))
    outputs = torch.randn(5, 3)
    batch = Batch(images, torch.zeros(5))
    found = technique.penalty(model, batch, outputs)
    outputs[:, 1] += 5.0
    assert technique.penalty(model, batch, outputs) == found
    outputs[:, 0] += 5.0
    assert technique.penalty(model, batch, outputs) != found


def test_a_fit_stays_nearer_to_its_teacher(champion, train, images, feed_of):
    """Than one that nobody teaches; and it is in force."""
    taught, done = train(champion)
    free, plain = train(champion, replace(SETTING, distillation=0.0))
    assert done.techniques["distillation"]["outputs"] == 2
    assert "distillation" not in plain.techniques
    teacher = champion.network(0).eval()
    pixels = torch.cat([batch.inputs for batch in feed_of(images).validation()])
    with torch.no_grad():
        asked, one, other = (m(pixels).log_softmax(1) for m in (teacher, taught, free))
    apart = [
        functional.kl_div(o, asked, reduction="batchmean", log_target=True) for o in (one, other)
    ]
    assert apart[0] < 0.5 * apart[1]


def test_without_a_champion_it_is_refused(pretrained, train):
    """A classifier that was drawn has nothing to teach."""
    with pytest.raises(
        UsageError, match=r"search\.distillation must be 0\.0 until training starts"
    ):
        train(pretrained)


def test_a_teacher_that_was_not_asked_is_an_internal_error(champion):
    """Asked for and not in force."""
    model, technique = champion.network(0), Distillation(1.0, 2.0)
    technique.begin(model, groups(model))
    with pytest.raises(InertError, match="the teacher was not"):
        technique.in_force()
