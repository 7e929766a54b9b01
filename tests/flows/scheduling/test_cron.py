"""A schedule is told before it is kept: its dates, or why it has none."""

from datetime import UTC, datetime

import pytest

from components.frame.errors import UsageError
from flows.scheduling import cron

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)


def refused(text, timezone="UTC"):
    with pytest.raises(UsageError) as told:
        cron.checked(text, timezone, NOW)
    return str(told.value)


def warned(text, timezone):
    return cron.warnings(cron.Cron(text, timezone), NOW)


def test_the_next_dates_are_those_of_the_zone():
    """Three at night in Berlin is two o'clock UTC in winter."""
    _, dates = cron.checked("0 3 * * *", "Europe/Berlin", NOW)
    assert [cron.written(date) for date in dates] == [
        "Sun 2026-11-22 03:00 CET",
        "Mon 2026-11-23 03:00 CET",
        "Tue 2026-11-24 03:00 CET",
    ]
    assert dates[0].astimezone(UTC).hour == 2


def test_a_leap_day_comes_every_four_years():
    """29 February is rare, not impossible."""
    _, dates = cron.checked("0 0 29 2 *", "UTC", NOW)
    assert [date.year for date in dates] == [2028, 2032, 2036]


@pytest.mark.parametrize("text", ["0 3 30 2 *", "0 0 31 4,6,9,11 *"])
def test_a_day_that_never_comes_is_refused(text):
    """Prefect takes such a schedule and never starts a run."""
    assert "a day that its month does not have" in refused(text)


@pytest.mark.parametrize(
    "text", ["0 3 * *", "0 3 * * * *", "@daily", "", "61 * * * *", "a b c d e"]
)
def test_what_is_no_cron_is_refused(text):
    """The fields and an example are named; seconds are no field of ours."""
    assert "five fields" in refused(text)
    assert repr(text) in refused(text)


@pytest.mark.parametrize(
    ("name", "meant"),
    [("Europe/Berln", "Europe/Berlin"), ("berlin", "Europe/Berlin"), ("utc", "UTC")],
)
def test_an_unknown_zone_names_its_neighbours(name, meant):
    """A slip of the finger is fixed at once."""
    assert f"Did you mean {meant}" in refused("0 3 * * *", name)


def test_a_zone_that_resembles_none_is_refused_all_the_same():
    """No guess where there is nothing to guess."""
    assert refused("0 3 * * *", "xyzzy-plugh").endswith("'xyzzy-plugh' is none.")


def test_a_time_that_the_clocks_leave_out_is_told():
    """On the spring day Prefect starts the run of 02:30 an hour early."""
    (told,) = warned("30 2 * * *", "Europe/Berlin")
    assert "on 2027-03-28" in told
    assert "starts at 01:30 CET" in told


@pytest.mark.parametrize(
    ("text", "timezone"),
    [("30 2 * * *", "UTC"), ("0 3 * * *", "Europe/Berlin"), ("*/20 * * * *", "Europe/Berlin")],
)
def test_what_every_day_has_is_no_worry(text, timezone):
    """Nobody reads warnings that always come; an hour between two clock changes is left out."""
    assert warned(text, timezone) == []


def test_zones_that_change_at_midnight_or_by_half_an_hour_are_seen():
    """Not every country changes its clocks as Europe does."""
    assert "starts at 23:00 CST" in warned("0 0 * * *", "America/Havana")[0]
    assert "starts at 01:45 +1030" in warned("15 2 * * *", "Australia/Lord_Howe")[0]
