"""When a schedule comes due, as Prefect itself counts it, and what to know before relying on it.

Prefect is imported late: a wrong zone or a wrong number of fields is refused without it.
"""

import asyncio
import difflib
import zoneinfo
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from components.frame.errors import UsageError

FIELDS = 5
SHOWN = 3
"""So many dates are shown to a person."""
AHEAD = timedelta(days=400)
"""So far ahead changes of the clocks are looked at: there is one of each kind in it."""
AROUND = timedelta(hours=4)
"""Before and after a change of the clocks; no zone jumps farther in a year."""
HOUR = timedelta(hours=1)
WRITTEN = "%a %Y-%m-%d %H:%M %Z"


@dataclass(frozen=True)
class Cron:
    """A cron expression of five fields, in a time zone."""

    text: str
    timezone: str

    @property
    def zone(self) -> zoneinfo.ZoneInfo:
        """The zone in which the fields are meant."""
        return zoneinfo.ZoneInfo(self.timezone)

    def dates(self, start: datetime, end: datetime | None = None) -> list[datetime]:
        """When Prefect starts runs: the next from `start` on, or all that lie before `end`."""
        count = SHOWN if end is None else None
        dates = asyncio.run(_schedule(self).get_dates(n=count, start=start, end=end))
        return [date.astimezone(self.zone) for date in dates]


def checked(text: str, timezone: str, now: datetime | None = None) -> tuple[Cron, list[datetime]]:
    """A schedule that can be kept, and the dates of its next runs.

    Raises:
        UsageError: the zone is unknown, the expression is none, or its date never comes.
    """
    if timezone not in zoneinfo.available_timezones():
        raise UsageError(_unknown_zone(timezone))
    if len(text.split()) != FIELDS:
        raise UsageError(_no_cron(text, f"has {len(text.split())} fields"))
    cron = Cron(" ".join(text.split()), timezone)
    try:
        return cron, cron.dates(now or datetime.now(UTC))
    except ValueError as error:  # pydantic's and croniter's errors are kinds of it
        if type(error).__name__ == "CroniterBadDateError":
            raise UsageError(
                f"The date of a schedule must come, but {text!r} names a day that its month "
                "does not have (as 30 February). Name another day of the month."
            ) from error
        raise UsageError(_no_cron(text, "holds something else")) from error


def warnings(cron: Cron, now: datetime | None = None) -> list[str]:
    """What happens to the schedule where the clocks change within the next 400 days."""
    told = []
    for change in _clock_changes(cron.zone, now or datetime.now(UTC)):
        start, end = change - AROUND, change + AROUND
        meant = Cron(cron.text, "UTC").dates(*(_face(date, cron.zone) for date in (start, end)))
        named = {date.replace(tzinfo=None) for date in meant}
        dates = cron.dates(start, end)
        moved = [date for date in dates if date.replace(tzinfo=None) not in named]
        told += [_moved(cron, change, date) for date in moved]
    return told


def written(date: datetime) -> str:
    """A date for a person, with weekday and zone."""
    return date.strftime(WRITTEN)


def _schedule(cron: Cron) -> Any:  # noqa: ANN401  # its type is imported late
    from prefect.server.schemas.schedules import CronSchedule

    return CronSchedule(cron=cron.text, timezone=cron.timezone)


def _clock_changes(zone: zoneinfo.ZoneInfo, now: datetime) -> list[datetime]:
    """The full hours (UTC) at which, or before which, the zone's clocks are put on or back."""
    start = now.astimezone(UTC).replace(minute=0, second=0, microsecond=0)
    hours = [start + number * HOUR for number in range(int(AHEAD / HOUR))]
    offsets = [hour.astimezone(zone).utcoffset() for hour in hours]
    pairs = zip(hours[1:], offsets[1:], offsets, strict=False)
    return [hour for hour, after, before in pairs if after != before]


def _face(date: datetime, zone: zoneinfo.ZoneInfo) -> datetime:
    """What the clock of a zone shows, as if it hung where clocks are never changed."""
    return date.astimezone(zone).replace(tzinfo=UTC)


def _moved(cron: Cron, change: datetime, date: datetime) -> str:
    """A run at a time that the clocks leave out."""
    after = change.astimezone(cron.zone)
    return (
        f"on {after:%Y-%m-%d} the clocks of {cron.timezone} are put on and leave out the time "
        f"that {cron.text!r} names: that run starts at {date:%H:%M %Z}. "
        "An hour that every day has, or --timezone UTC, avoids it."
    )


def _unknown_zone(timezone: str) -> str:
    known = {name.lower(): name for name in zoneinfo.available_timezones()}
    close = difflib.get_close_matches(timezone.lower(), known, n=SHOWN, cutoff=0.6)
    hint = f"Did you mean {' or '.join(known[name] for name in close)}?" if close else ""
    return (
        f"--timezone takes a name of the IANA database such as Europe/Berlin or UTC, but "
        f"{timezone!r} is none. {hint}"
    ).rstrip()


def _no_cron(text: str, fault: str) -> str:
    return (
        "--cron takes five fields (minute 0-59, hour 0-23, day 1-31, month 1-12, weekday 0-7), "
        f'such as "0 3 * * *" for three at night, but {text!r} {fault}.'
    )
