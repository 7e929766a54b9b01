"""The batch size that `auto` stands for is tried out, and stays."""

import pytest
import torch

from components.training import largest_batch as module
from components.training.largest_batch import largest, largest_batch

CPU = torch.device("cpu")


@pytest.mark.parametrize(
    ("holds", "most", "expected"),
    [(1000, 256, 256), (1000, 100, 64), (100, 256, 64), (32, 256, 32), (20, 256, 16), (1, 256, 2)],
)
def test_it_is_the_largest_that_fits(holds, most, expected):
    """Halved from the usual one, or doubled."""
    assert largest(lambda count: count <= holds, 32, most) == expected


def test_on_a_cpu_it_is_the_usual_one(tmp_path):
    """Or all images, where there are fewer; no network is built."""
    one = largest_batch(None, 32, 1000, device=CPU, precision="off", keep=tmp_path / "one")
    few = largest_batch(None, 32, 20, device=CPU, precision="off", keep=tmp_path / "few")
    assert (one, few) == (module.USUAL, 20)


def test_a_search_that_goes_on_finds_what_was_found(tmp_path):
    """Memory may have been taken by others since."""
    keep = tmp_path / "batch_size.json"
    keep.write_text("64\n")
    assert largest_batch(None, 32, 1000, device=CPU, precision="off", keep=keep) == 64


def test_what_does_not_fit_is_told_from_other_faults(pretrained):
    """And no gradient is left of what does."""
    model = pretrained.network(0)
    assert module._fits(model, 2, pretrained.size, CPU, "off")
    assert all(parameter.grad is None for parameter in model.parameters())

    def full(*_):
        raise torch.OutOfMemoryError("none left")

    def broken(*_):
        raise RuntimeError("of another kind")

    model.register_forward_pre_hook(full)
    assert not module._fits(model, 2, pretrained.size, CPU, "off")
    other = pretrained.network(0)
    other.register_forward_pre_hook(broken)
    with pytest.raises(RuntimeError, match="another kind"):
        module._fits(other, 2, pretrained.size, CPU, "off")
