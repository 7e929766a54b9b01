"""Parameters that others make void: rules that stand beside a parameter, and the one check."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel


@dataclass(frozen=True, kw_only=True)
class NoEffect:
    """A parameter that another one makes void: set to anything but its default, it is an error."""

    parameter: str
    """As a person names it: `search.compute`."""
    beside: str
    """The other one; the rule is left out where it is not known."""
    holds: Callable[[Any, Any], bool]
    """Whether the first has no effect, by the values of both."""
    why: str
    """Half a sentence."""
    remedy: str
    """What to set for the first to have an effect: `search.strategy=staged`."""

    def sentence(self, value: object, other: object) -> str:
        """Both parameters and both ways out."""
        return (
            f"{self.parameter} must have an effect, but {_shown(value)} has none beside "
            f"{self.beside}={_shown(other)}: {self.why}. Set {self.remedy}, or take the first "
            f"back: thawline params --reset {self.parameter}"
        )


def flat(section: str, params: BaseModel) -> dict[str, Any]:
    """Values by the names that a person gives them, such as `search.learning_rate.low`."""
    found: dict[str, Any] = {}
    for name in type(params).model_fields:
        value = getattr(params, name)
        key = f"{section}.{name}"
        found |= flat(key, value) if isinstance(value, BaseModel) else {key: value}
    return found


def broken(
    rules: Iterable[NoEffect], values: Mapping[str, Any], defaults: Mapping[str, Any]
) -> list[NoEffect]:
    """The rules whose parameter has no effect and is not at its default."""
    return [
        rule
        for rule in rules
        if rule.parameter in values
        and rule.beside in values
        and values[rule.parameter] != defaults[rule.parameter]
        and rule.holds(values[rule.parameter], values[rule.beside])
    ]


def void(
    rules: Iterable[NoEffect], values: Mapping[str, Any], defaults: Mapping[str, Any]
) -> list[str]:
    """A sentence for each of those."""
    found = broken(rules, values, defaults)
    return [rule.sentence(values[rule.parameter], values[rule.beside]) for rule in found]


def one_or_all(value: object) -> object:
    """A value as a file shows it: what is chosen among one value as that one."""
    alone = isinstance(value, list) and len(value) == 1 and not isinstance(value[0], BaseModel)
    return value[0] if alone and isinstance(value, list) else value


def _shown(value: object) -> str:
    return str(one_or_all(value))
