"""A batch that does not fit into memory is taken in parts, and the step stays the same."""

import copy
import subprocess
import sys

import pytest
import torch
from torch import nn

from components.data.batch import Batch
from components.tasks.classification import Classification
from components.tasks.task import LossRequest
from components.training.step import Stepper, TooLargeError, is_out_of_memory
from components.training.validate import NO_TARGETS
from components.training.world import World

CPU = torch.device("cpu")
ROWS = 16
TASK = Classification(("a", "b", "c"))


def network():
    torch.manual_seed(0)
    return nn.Sequential(nn.Flatten(), nn.Linear(12, 8), nn.GELU(), nn.Linear(8, 3))


def batch(rows=ROWS):
    torch.manual_seed(1)
    return Batch(torch.randn(rows, 3, 2, 2), torch.randint(3, (rows,)))


def steps(model, *, holds, told, parts=1, loss=None, **others):
    """Steps on a device that holds so many rows at once."""

    def forward(rows):
        if len(rows) > holds:
            raise torch.OutOfMemoryError(f"{len(rows)} rows")
        return model(rows)

    optimizer = torch.optim.SGD([{"params": [*model.parameters()], "scale": 1.0}], lr=1.0)
    return Stepper(
        model,
        forward,
        optimizer,
        TASK,
        device=CPU,
        precision="off",
        parts=parts,
        loss=loss or TASK.loss(LossRequest(label_smoothing=0.1), NO_TARGETS),
        tell=told.append,
        **others,
    )


@pytest.mark.parametrize("weights", ["none", '{"a": 7.0}'])
@pytest.mark.parametrize("rows", [ROWS, 14])
def test_step_in_parts_is_the_step_of_the_whole_batch(rows, weights):
    """Each part counts by its rows or their weights, also a smaller last one; it is said once."""
    model, told = network(), []
    alike = copy.deepcopy(model)
    loss = TASK.loss(LossRequest(class_weights=weights), NO_TARGETS)
    whole = steps(alike, holds=ROWS, told=[], loss=loss)
    parted = steps(model, holds=5, told=told, loss=loss)
    for number in range(2):
        expected = whole.step(batch(rows), number, 0.1)
        loss, right = parted.step(batch(rows), number, 0.1)
        assert float(loss) == pytest.approx(float(expected[0]), rel=1e-5)
        assert right == expected[1]
    for mine, other in zip(model.parameters(), alike.parameters(), strict=True):
        torch.testing.assert_close(mine, other)
    assert (whole.parts, parted.parts) == (1, 4)
    assert [sentence.split(" parts")[0][-1] for sentence in told] == ["2", "4"]


@pytest.mark.parametrize("parts", [2, 3, 8])
def test_parts_that_are_asked_for_are_taken_from_the_start(parts):
    """Accumulation: the step is the whole batch's, though so many rows never were at once."""
    model, told = network(), []
    alike = copy.deepcopy(model)
    whole = steps(alike, holds=ROWS, told=[])
    parted = steps(model, holds=-(-ROWS // parts), told=told, parts=parts)
    for number in range(2):
        expected = whole.step(batch(), number, 0.1)
        found = parted.step(batch(), number, 0.1)
        assert float(found[0]) == pytest.approx(float(expected[0]), rel=1e-5)
    for mine, other in zip(model.parameters(), alike.parameters(), strict=True):
        torch.testing.assert_close(mine, other)
    assert (parted.parts, told) == (parts, [])


def test_parts_that_are_asked_for_are_halved_as_well_where_memory_runs_out():
    """Up to the same number of parts."""
    told = []
    parted = steps(network(), holds=4, told=told, parts=3)
    parted.step(batch(24), 0, 0.1)
    assert (parted.parts, len(told)) == (6, 1)


def test_batch_that_fits_in_no_parts_says_what_to_lower():
    """After three halvings."""
    told = []
    with pytest.raises(TooLargeError, match=r"parts of 2\. Lower search\.batch_size"):
        steps(network(), holds=1, told=told).step(batch(), 0, 0.1)
    assert len(told) == 3


def test_other_faults_are_not_taken_for_missing_memory():
    """A shape that does not fit ends the fit at once."""
    told = []
    with pytest.raises(RuntimeError, match="shapes cannot be multiplied"):
        steps(network(), holds=ROWS, told=told).step(
            Batch(torch.zeros(ROWS, 5), torch.zeros(ROWS, dtype=torch.int64)), 0, 0.1
        )
    assert told == []


def test_allocators_own_words_are_understood():
    """Torch has no type of its own for a machine without memory."""
    with pytest.raises(RuntimeError) as refused:
        torch.empty(2**46)
    assert is_out_of_memory(refused.value)


LITTLE_MEMORY = """
import resource, torch
from torch import nn
from components.data.batch import Batch
from components.tasks.classification import Classification
from components.tasks.task import LossRequest
from components.training.step import Stepper
from components.training.validate import NO_TARGETS
from components.training.world import World
torch.set_num_threads(1)
layers = [nn.Conv2d(3, 64, 3), *(nn.Conv2d(64, 64, 1) for _ in range(5))]
model = nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(64, 2))
optimizer = torch.optim.SGD([{"params": [*model.parameters()], "scale": 1.0}], lr=0.1)
task, cpu = Classification(("a", "b")), torch.device("cpu")
loss = task.loss(LossRequest(), NO_TARGETS)
steps = Stepper(model, model, optimizer, task, device=cpu, precision="off", loss=loss)
steps.step(Batch(torch.randn(2, 3, 64, 64), torch.tensor([0, 1])), 0, 0.1)
used = int(open("/proc/self/statm").read().split()[0]) * resource.getpagesize()
resource.setrlimit(resource.RLIMIT_AS, (used + 300 * 2**20,) * 2)
loss, _ = steps.step(Batch(torch.randn(64, 3, 64, 64), torch.arange(64) % 2), 1, 0.1)
print("parts", steps.parts, bool(torch.isfinite(loss)))
"""


@pytest.mark.skipif(sys.platform != "linux", reason="limits its memory as Linux does")
def test_process_whose_memory_is_limited_goes_on_in_parts():
    """A real allocation fails, and the step is taken all the same."""
    command = [sys.executable, "-c", LITTLE_MEMORY]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] in {"parts 4 True", "parts 8 True"}, done.stdout


class Collected(World):
    """A world whose other processes are not there: what would be added up is kept."""

    def any(self, here, device):
        return here

    def add(self, tensors):
        object.__setattr__(self, "added", [tensor.clone() for tensor in tensors])


@pytest.mark.parametrize("weights", ["none", '{"a": 7.0}'])
@pytest.mark.parametrize("size", [2, 3])
def test_slices_of_all_processes_add_up_to_the_whole_batch(size, weights):
    """Its loss, the sum of its scores and its gradients, whatever its rows count."""
    loss = TASK.loss(LossRequest(class_weights=weights), NO_TARGETS)
    model = network()
    whole = steps(model, holds=ROWS, told=[], loss=loss).step(batch(), 0, 0.0)
    expected = [parameter.grad.clone() for parameter in model.parameters()]
    added = []
    for rank in range(size):
        world = Collected(rank, size)
        steps(model, holds=ROWS, told=[], loss=loss, world=world, parts=2).step(batch(), 0, 0.0)
        added.append(world.added)
    (totals, *gradients) = [sum(each) for each in zip(*added, strict=True)]
    torch.testing.assert_close(totals, torch.tensor([float(whole[0]), whole[1]]))
    torch.testing.assert_close(gradients, expected)
