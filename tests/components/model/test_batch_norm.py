"""Running statistics are taken anew as torch's `update_bn` takes them, but for frozen layers."""

import pytest
import torch
from torch.optim.swa_utils import update_bn

from components.model.backbone import create
from components.model.batch_norm import reestimate
from components.model.freezing import freeze
from components.model.groups import groups


@pytest.fixture
def batches():
    drawn = torch.Generator().manual_seed(0)
    return [torch.randn(4, 3, 32, 32, generator=drawn) + 1 for _ in range(3)]


def statistics(model):
    return {name: value.clone() for name, value in model.named_buffers()}


def test_statistics_are_those_of_torch(batches):
    """To the bit, and momenta are as they were."""
    torch.manual_seed(0)
    model, reference = (create("test_resnet", 2, 32, {}) for _ in range(2))
    reference.load_state_dict(model.state_dict())
    before = statistics(model)
    reestimate(model, lambda: [model(batch) for batch in batches])
    with torch.no_grad():
        update_bn(batches, reference)
    for name, value in statistics(model).items():
        assert torch.equal(value, statistics(reference)[name]), name
        assert not torch.equal(value, before[name]), name
    assert model.bn1.momentum == 0.1


def test_frozen_layers_keep_theirs(batches):
    """What they saw of other images is what their weights were trained with."""
    model = create("test_resnet", 2, 32, {})
    parts, before = groups(model), statistics(model)
    freeze(model, parts, 3)
    reestimate(model, lambda: [model(batch) for batch in batches])
    frozen = {name.rpartition(".")[0] for part in parts[:3] for name in part.parameters}
    for name, value in statistics(model).items():
        assert torch.equal(value, before[name]) is (name.rpartition(".")[0] in frozen), name


def test_without_such_layers_nothing_is_run():
    """A transformer has none."""
    model, ran = create("test_vit", 2, 160, {}), []
    reestimate(model, lambda: ran.append(True))
    assert not ran
