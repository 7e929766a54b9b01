"""In which precision a device trains."""

import pytest
import torch

from components.model.device import autocast, described

CPU = torch.device("cpu")


@pytest.mark.parametrize(
    ("precision", "kind"),
    [("auto", torch.float32), ("off", torch.float32), ("bf16", torch.bfloat16)],
)
def test_a_cpu_computes_in_bfloat16_only_where_it_is_asked_for(precision, kind):
    """And what is told is what is."""
    layer = torch.nn.Linear(2, 2)
    with autocast(CPU, precision):
        assert layer(torch.ones(1, 2)).dtype == kind
    assert layer.weight.dtype == torch.float32
    assert described(CPU, precision) == ("cpu", str(kind).removeprefix("torch."))
