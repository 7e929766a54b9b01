"""The one dial of `thawline run`: an effort, as the parameters that it sets."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from components.frame.durations import duration
from components.frame.errors import UsageError
from flows.parameters import effort, listing
from flows.parameters.effort import EFFORTS, LADDER, Effort, Values
from flows.pipeline import census, forecast, outlook, overrides
from flows.project import Project

BUDGET = re.compile(r"(?:(\d+)h)?(?:(\d+)m(?:in)?)?(?:(\d+)s)?")


@dataclass(frozen=True)
class Setting:
    """What an effort or a budget comes to in a project, beside what a person sets."""

    why: str
    """Such as `effort quick`; empty: neither was asked for."""
    values: Values
    kept: dict[str, Any]
    """What a person set otherwise, by name: that has the last word."""
    note: str = ""
    """Why these were chosen, where that does not go without saying."""

    @property
    def texts(self) -> list[str]:
        """The values as they are typed behind `--set`."""
        return overrides.as_texts(self.values)

    def sentences(self) -> list[str]:
        """What a person must know of it."""
        kept = [
            f"{self.why}: {name} is {listing.shown(value)}, as you set it"
            for name, value in self.kept.items()
        ]
        return [self.note, *kept] if self.note else kept

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


def of_budget(
    project: Project, seconds: float, texts: Sequence[str], start: Path | None = None
) -> Setting:
    """The dearest rung of the ladder that is forecast to end within so many seconds.

    Raises:
        UsageError: none is.
    """
    forecast.forget_speed(project)
    source, cheapest, counted = "", 0.0, None
    for wanted in reversed(LADDER):
        values = overrides.values_with(project, wanted, texts, start)
        source = values["ingest.source"]
        counted = counted or census.take(project, values)
        expected = outlook.seconds(project, values, counted)
        cheapest = sum(expected.values())
        if cheapest <= seconds:
            why = f"budget {duration(seconds)}, forecast {duration(cheapest)}"
            return replace(setting(project, why, wanted, texts, start), note=f"{why} for all of it")
    raise UsageError(
        f"--budget must be about {duration(cheapest)} or more for {source} on this machine, but "
        f"is {duration(seconds)}. Give more, or set less yourself: thawline params"
    )


def read_budget(text: str) -> float:
    """`20m`, `1h30m` or `90s` in seconds.

    Raises:
        UsageError: it is written otherwise, or is nothing.
    """
    found = BUDGET.fullmatch(text.strip())
    hours, minutes, seconds = (int(part or 0) for part in found.groups()) if found else (0, 0, 0)
    total = (hours * 60 + minutes) * 60 + seconds
    if not total:
        raise UsageError(f"--budget must be a time such as 20m, 1h30m or 90s, but is {text!r}.")
    return float(total)


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
