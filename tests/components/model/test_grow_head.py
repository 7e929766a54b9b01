"""A classifier grows when a class appears: by name, its old rows as they were."""

import torch

from components.model.head import HEAD_STD, grow_head


def test_rows_go_with_their_names():
    """Also where the order changes, a class is gone, and the layer is a convolution."""
    weight, bias = torch.arange(12.0).reshape(3, 4, 1, 1), torch.tensor([1.0, 2.0, 3.0])
    grown, offsets = grow_head(weight, bias, ("a", "b", "c"), ("c", "new", "a"), seed=0)
    assert torch.equal(grown[0], weight[2])
    assert torch.equal(grown[2], weight[0])
    assert offsets.tolist() == [3.0, 0.0, 1.0]
    assert grown.shape == (3, 4, 1, 1)


def test_new_rows_are_drawn_by_the_seed():
    """Small, as every new head; torch's own random state is left alone."""
    weight, state = torch.ones(1, 2000), torch.get_rng_state()
    one, same, other = (grow_head(weight, None, ("a",), ("a", "b"), seed)[0] for seed in (1, 1, 2))
    assert torch.equal(one, same)
    assert not torch.equal(one[1], other[1])
    assert abs(float(one[1].std()) - HEAD_STD) < 0.1 * HEAD_STD
    assert torch.equal(torch.get_rng_state(), state)
    assert grow_head(weight, None, ("a",), ("b",), 1)[1] is None
