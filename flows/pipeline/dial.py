"""The one dial of `thawline run`: an effort, as the parameters that it sets."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from flows.parameters import effort, listing
from flows.parameters.effort import EFFORTS, Effort, Values
from flows.pipeline import overrides
from flows.project import Project


@dataclass(frozen=True)
class Setting:
    """What an effort or a budget comes to in a project, beside what a person sets."""

    why: str
    """Such as `effort quick`; empty: neither was asked for."""
    values: Values
    kept: dict[str, Any]
    """What a person set otherwise, by name: that has the last word."""

    @property
    def texts(self) -> list[str]:
        """The values as they are typed behind `--set`."""
        return overrides.as_texts(self.values)

    def sentences(self) -> list[str]:
        """What a person must know of it."""
        return [
            f"{self.why}: {name} is {listing.shown(value)}, as you set it"
            for name, value in self.kept.items()
        ]

    def remember(self, project: Project) -> None:
        """Note that this set the parameters."""
        if self.why:
            effort.remember(project, self.why, self.values)


NONE = Setting("", {}, {})


def of_effort(
    project: Project, wanted: Effort, texts: Sequence[str], start: Path | None = None
) -> Setting:
    """What `--effort` sets beside what a person sets by `texts`."""
    return setting(project, f"effort {wanted}", EFFORTS[wanted], texts, start)


def setting(
    project: Project, why: str, wanted: Values, texts: Sequence[str], start: Path | None
) -> Setting:
    """Of the values wanted those that a person does not set, each with an effect."""
    named = overrides.named(project, texts)
    values = overrides.values_with(project, wanted, texts, start)
    return Setting(
        why,
        {name: values[name] for name in wanted if name not in named},
        {name: values[name] for name in wanted if name in named},
    )
