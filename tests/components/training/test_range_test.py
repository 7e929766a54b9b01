"""A range test says which rates a network bears, and leaves no trace."""

import copy

import pytest
import torch
from torch import nn

from components.data.batch import Batch
from components.model.groups import groups
from components.tasks.classification import Classification
from components.training.optimizers import make_optimizer
from components.training.range_test import Tried, range_test, steepest
from components.training.recipe import Recipe, Setting
from components.training.step import Stepper
from components.training.validate import whole

CPU, TASK = torch.device("cpu"), Classification(("a", "b"))


@pytest.fixture
def stepper(pretrained):
    """The small network, its dropout in force, and its optimizer."""

    def make(optimizer="adamw"):
        model = pretrained.network(0)
        setting = Setting(freeze_depth=0, learning_rate=1e-3, optimizer=optimizer)
        recipe = Recipe(setting=setting, epochs=1, patience=1, seed=0)
        return Stepper(
            model,
            whole(model),
            make_optimizer(model, groups(model), recipe),
            TASK,
            device=CPU,
            precision="off",
            label_smoothing=0.0,
            tell=lambda _: None,
        )

    return make


def batches(number):
    generator = torch.Generator().manual_seed(0)
    for _ in range(number):
        yield Batch(torch.randn(8, 3, 32, 32, generator=generator), torch.arange(8) % 2)


def traces(stepper):
    optimizer = stepper.optimizer
    return copy.deepcopy(
        (
            list(stepper.model.state_dict().values()),
            [list(own.values()) for own in optimizer.state.values()],
            [
                {k: v for k, v in g.items() if k not in {"params", "names"}}
                for g in optimizer.param_groups
            ],
            torch.get_rng_state(),
            stepper.model.training,
        )
    )


def same(one, other):
    """Whether nests of tensors and numbers are equal to the bit."""
    if isinstance(one, torch.Tensor):
        return torch.equal(one, other)
    if isinstance(one, dict):
        return one.keys() == other.keys() and all(same(one[key], other[key]) for key in one)
    if isinstance(one, list | tuple):
        return len(one) == len(other) and all(map(same, one, other))
    return one == other


@pytest.mark.parametrize("optimizer", ["adamw", "sgd", "lamb"])
@pytest.mark.parametrize("before", [0, 2])
def test_nothing_is_left_of_it(stepper, optimizer, before):
    """Weights, running statistics, moments, rates, torch's dice: also in the midst of a fit."""
    tested, plain = stepper(optimizer), stepper(optimizer)
    for number, batch in enumerate(batches(before)):
        for one in (tested, plain):
            torch.manual_seed(number)
            one.step(batch, number, 1e-3)
    expected = traces(tested)
    assert len(range_test(tested, batches(5), low=1e-5, high=1.0, steps=5)) > 1
    assert same(traces(tested), expected)
    for number, batch in enumerate(batches(2)):
        for one in (tested, plain):
            torch.manual_seed(number)
            one.model.train()
            one.step(batch, number, 1e-3)
    pairs = zip(tested.model.parameters(), plain.model.parameters(), strict=True)
    assert all(torch.equal(one, other) for one, other in pairs)


def test_rates_rise_by_equal_factors(stepper):
    """From the lowest to the highest, a step each."""
    tried = range_test(stepper(), batches(9), low=1e-6, high=1e-2, steps=5)
    assert [one.learning_rate for one in tried] == pytest.approx([1e-6, 1e-5, 1e-4, 1e-3, 1e-2])


def test_it_ends_where_there_is_no_hope(stepper):
    """Nor where a loss is no number."""
    tried = range_test(stepper("sgd"), batches(40), low=1e-2, high=1e12, steps=40)
    assert 1 < len(tried) < 40


def test_the_steepest_rate_lies_below_the_one_that_diverges():
    """On a bowl of known steepness: above 2 over that, steps grow."""
    curvature = 10.0
    weight = nn.Linear(1, 1, bias=False)
    nn.init.constant_(weight.weight, 1.0)
    optimizer = torch.optim.SGD([{"params": [weight.weight], "scale": 1.0}], lr=1.0)

    class Bowl:
        score_name = "score"

        def loss(self, label_smoothing):
            return lambda outputs, targets, reduction: curvature / 2 * outputs.square().mean()

        def scores(self, outputs, targets):
            return torch.zeros(len(outputs))

    steps = Stepper(
        weight, weight, optimizer, Bowl(), device=CPU, precision="off", label_smoothing=0.0
    )
    equal = [Batch(torch.ones(4, 1), torch.zeros(4))] * 100
    rate = steepest(range_test(steps, equal, low=1e-4, high=10.0, steps=100))
    assert 1e-3 < rate < 2 / curvature
    assert weight.weight.item() == 1.0


def test_of_what_never_falls_nothing_is_said():
    assert steepest([Tried(0.1 * n, float(n)) for n in range(1, 9)]) is None
    assert steepest([Tried(0.1, 2.0), Tried(0.2, 1.0)]) is None
