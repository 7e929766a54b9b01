"""Hidden layers of a head, as parameters and documents name them; imports nothing heavy."""

import re
from dataclasses import dataclass

NO_LAYERS = "none"
LAYER = re.compile(r"([1-9]\d{0,4})(?::(0?\.\d+|0))?")


@dataclass(frozen=True)
class HiddenLayer:
    """A linear layer, ReLU and dropout between the features and the classifier."""

    width: int
    dropout: float
    """Fraction of its outputs, from 0, below 1."""


def hidden_layers(text: str) -> tuple[HiddenLayer, ...]:
    """What `512:0.2+256` says: two layers, of the first's outputs a fifth dropped; `none`: none.

    Raises:
        ValueError: it says something else.
    """
    if text == NO_LAYERS:
        return ()
    found = [LAYER.fullmatch(part) for part in text.split("+")]
    if not all(found):
        raise ValueError(
            f"hidden layers must be `none`, or widths from the features on, each with its dropout "
            f"if any, such as 512:0.2+256, but are {text!r}"
        )
    matched = (match for match in found if match)
    return tuple(HiddenLayer(int(match[1]), float(match[2] or 0.0)) for match in matched)
