"""Learning rates relative to the network and to its optimizer: no one range fits all.

The rate of a setting is that of the head, which is drawn anew and bears like rates on every
network; layers below it train at a fraction of it, by what the network is made of. The evidence for
each figure stands in docs/decisions/0013-rates-relative-to-the-network.md.
"""

from dataclasses import dataclass
from typing import Final, Literal

from components.model.families import Family

AUTO: Final = "auto"
"""As the network and the optimizer are."""
ADAM, SGD = (1e-4, 1e-2), (1e-3, 1e-1)
"""The head's rates: of optimizers that divide by the gradients' size, and of those that do not."""
PLAIN = ("sgd", "momentum", "nesterov")
"""What the names of the latter begin with."""


@dataclass(frozen=True, kw_only=True)
class BodyRates:
    """The rate of pretrained layers, as a fraction of the head's."""

    whole: float
    """Where all of them train, 0 to 1."""
    growth: float = 1.0
    """The factor on it as more of a pass is frozen, up to all of it."""
    added: float = 1.0
    """The fraction of adapters, norms and biases, where these alone train."""

    def fraction(self, frozen: float, *, few: bool) -> float:
        """With a fraction of a pass frozen, and `few` of the layers' parameters training.

        At most 1, and of two digits, since powers differ between machines.
        """
        rate = self.added if few else self.whole * self.growth**frozen
        return min(1.0, float(f"{rate:.2g}"))


BODY: dict[tuple[Family, bool], BodyRates] = {
    ("batch_norm", False): BodyRates(whole=1.0),
    ("batch_norm", True): BodyRates(whole=0.1, added=0.1),
    ("layer_norm", False): BodyRates(whole=0.01, growth=20.0, added=0.1),
    ("layer_norm", True): BodyRates(whole=0.05, growth=20.0, added=0.1),
    ("transformer", False): BodyRates(whole=0.003, growth=20.0, added=0.2),
    ("transformer", True): BodyRates(whole=0.06, growth=20.0, added=0.2),
    ("contrastive", False): BodyRates(whole=0.0015, growth=20.0, added=0.2),
    ("contrastive", True): BodyRates(whole=0.003, growth=20.0, added=0.2),
}
"""By family, and whether the optimizer is one of `PLAIN`."""


def rate_range(
    low: float | Literal["auto"], high: float | Literal["auto"], optimizer: str
) -> tuple[float, float]:
    """The range that is searched, with what the optimizer wants in place of `auto`.

    Raises:
        ValueError: it holds no rate.
    """
    own = head_rates(optimizer)
    lowest, highest = (
        end if asked == AUTO else float(asked) for asked, end in zip((low, high), own, strict=True)
    )
    if lowest > highest:
        raise ValueError(
            f"`low <= high` must hold in learning_rate, but got low={low}, high={high}, and `auto` "
            f"is {own[0]:g} to {own[1]:g} with {optimizer}: set both"
        )
    return lowest, highest


def head_rates(optimizer: str) -> tuple[float, float]:
    """The lowest and the highest rate that the head is tried at."""
    return SGD if is_plain(optimizer) else ADAM


def body_rates(family: Family, optimizer: str) -> BodyRates:
    """What the layers below the head train at."""
    return BODY[family, is_plain(optimizer)]


def is_plain(optimizer: str) -> bool:
    """Whether steps of an optimizer are as large as gradients are: it wants far higher rates."""
    return optimizer.startswith(PLAIN)
