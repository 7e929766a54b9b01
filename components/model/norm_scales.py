"""How large the norm scales are: what a learning rate is measured against.

A step of Adam moves every parameter by about the learning rate, however large it is (Kingma and Ba,
2015, section 2.1). Weights in front of a normalisation can be of any size; its norm scale sets that
of what comes out, and pretrained networks differ in it by a factor of ten: a rate that hardly
touches norm scales of 2 can undo norm scales of 0.2 in a short training. Measuring steps by the
size of what they change is Adafactor's way (Shazeer and Stern, 2018, section 8).
"""

from collections.abc import Sequence
from math import inf
from statistics import geometric_mean

from components.model.backbone import State
from components.model.groups import Group


def norm_scales(state: State, parts: Sequence[Group]) -> tuple[float, ...]:
    """By freeze depth, the mean norm scale of the trained layers; infinite where there is none.

    The geometric mean over layers of the root mean square over channels, of two digits: rounding
    of sums differs between machines.
    """
    return tuple(_mean(_sizes(state, parts[freeze_depth:])) for freeze_depth in range(len(parts)))


def _sizes(state: State, parts: Sequence[Group]) -> list[float]:
    """Of each norm scale; pretrained weights may come without a head."""
    names = (name for part in parts for name in part.parameters if name.endswith("weight"))
    vectors = (state[name].double() for name in names if name in state and state[name].ndim == 1)
    return [vector.square().mean().sqrt().item() for vector in vectors if vector.any()]


def _mean(sizes: Sequence[float]) -> float:
    return float(f"{geometric_mean(sizes):.2g}") if sizes else inf
