"""Seconds as a person says them."""

MINUTE = 60
HOUR = 60 * MINUTE
TENTHS_BELOW = 9.95
"""Seconds from which a tenth more or less says nothing."""


def duration(seconds: float) -> str:
    """`0.4 s`, `42 s`, `3 min 5 s`, `2 h 10 min`."""
    if seconds < TENTHS_BELOW:
        return f"{seconds:.1f} s"
    whole = round(seconds)
    if whole < MINUTE:
        return f"{whole} s"
    if whole < HOUR:
        return f"{whole // MINUTE} min {whole % MINUTE} s"
    return f"{whole // HOUR} h {whole % HOUR // MINUTE} min"
