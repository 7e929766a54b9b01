"""Each schedule is the one that torch has under its name."""

import pytest
import torch
from torch.optim import lr_scheduler

from components.training import schedules
from components.training.schedules import SCHEDULES, Moment, fraction

STEPS = 70


def found(name, steps=STEPS, warm_up=0.0):
    moments = (Moment(step=step, steps=steps, warm_up=warm_up) for step in range(steps))
    return [fraction(name, moment) for moment in moments]


def torchs(make, steps=STEPS):
    """The rates of a schedule of torch, from a full rate of 1.0."""
    optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=1.0)
    scheduler = make(optimizer)
    rates = []
    for _ in range(steps):
        rates.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        scheduler.step()
    return rates


@pytest.mark.parametrize(
    ("name", "make"),
    [
        ("constant", lambda o: lr_scheduler.ConstantLR(o, factor=1.0)),
        ("cosine", lambda o: lr_scheduler.CosineAnnealingLR(o, STEPS)),
        ("step", lambda o: lr_scheduler.StepLR(o, 24)),
        ("exponential", lambda o: lr_scheduler.ExponentialLR(o, 0.01 ** (1 / STEPS))),
        ("warm_restarts", lambda o: lr_scheduler.CosineAnnealingWarmRestarts(o, 10, T_mult=2)),
    ],
)
def test_a_schedule_is_torchs(name, make):
    """Without a rise, over the whole length."""
    assert found(name) == pytest.approx(torchs(make))


def test_cyclic_is_torchs_from_the_top_of_a_triangle_on():
    steps = 60
    expected = torchs(
        lambda o: lr_scheduler.CyclicLR(o, 0.25, 1.0, step_size_up=10, cycle_momentum=False), 70
    )
    assert found("cyclic", steps) == pytest.approx(expected[10:])


@pytest.mark.parametrize("warm_up", [0.0, 0.1, 0.3])
def test_one_cycle_is_torchs_and_rises_for_as_long_as_the_warm_up(warm_up):
    expected = torchs(
        lambda o: lr_scheduler.OneCycleLR(
            o, 1.0, total_steps=STEPS + 1, pct_start=warm_up, cycle_momentum=False
        )
    )
    assert len(found("one_cycle", STEPS, warm_up)) == len(expected)
    expected = torchs(
        lambda o: lr_scheduler.OneCycleLR(
            o, 1.0, total_steps=STEPS, pct_start=warm_up, cycle_momentum=False
        ),
        STEPS - 1,
    )
    assert found("one_cycle", STEPS, warm_up)[:-1] == pytest.approx(expected)


def test_plateau_is_torchs():
    """A tenth after two epochs that are no better, then counting anew."""
    scores = [0.5, 0.6, 0.6, 0.6, 0.7, 0.5, 0.6, 0.65, 0.7, 0.6]
    optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=1.0)
    scheduler = lr_scheduler.ReduceLROnPlateau(
        optimizer, mode="max", patience=schedules.PLATEAU_PATIENCE, threshold=0.0, eps=0.0
    )
    for number, score in enumerate(scores, 1):
        scheduler.step(score)
        moment = Moment(step=number, steps=20, warm_up=0.0, scores=scores[:number])
        assert fraction("plateau", moment) == pytest.approx(optimizer.param_groups[0]["lr"])
    assert optimizer.param_groups[0]["lr"] == pytest.approx(1e-3)


@pytest.mark.parametrize("name", sorted(SCHEDULES))
@pytest.mark.parametrize("steps", [1, 2, 3, 7, 100])
@pytest.mark.parametrize("warm_up", [0.0, 0.1, 0.5, 0.99])
def test_a_rate_is_never_zero_nor_above_the_full_one(name, steps, warm_up):
    """In fits of any length."""
    assert all(0 < rate <= 1 + 1e-12 for rate in found(name, steps, warm_up))


@pytest.mark.parametrize("name", sorted(set(SCHEDULES) - schedules.OWN_RISE))
def test_the_rate_rises_for_as_long_as_is_asked(name):
    """In equal steps up to the full rate."""
    rates = found(name, 50, 0.2)
    assert rates[:10] == pytest.approx([step / 10 for step in range(1, 11)])
    assert rates[10] == 1.0
