"""Times as a person says them."""

TENTHS, MINUTE, HOUR = 10, 60, 60 * 60
"""Seconds; below the first, tenths are told."""


def duration(seconds: float) -> str:
    """`4.2 s` below ten seconds, then `42 s`, `3 min 5 s`, `2 h 10 min`."""
    whole = round(seconds)
    if seconds < TENTHS:
        return f"{seconds:.1f} s"
    if whole < MINUTE:
        return f"{whole} s"
    if whole < HOUR:
        return f"{whole // MINUTE} min {whole % MINUTE} s"
    return f"{whole // HOUR} h {whole % HOUR // MINUTE} min"
