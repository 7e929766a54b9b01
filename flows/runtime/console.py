"""Which lines of a run an operator sees on the screen; `console.yaml` refers to it."""

import logging
import time
from pathlib import Path

_last = time.monotonic()


def last_line() -> float:
    """When a line was last shown, on the monotonic clock."""
    return _last


class Ours(logging.Filter):
    """Pass our own lines; of Prefect's engine, which also writes to our loggers, nothing.

    What its engine says (a run began, a state changed, a task failed with this traceback) we say
    in our words, and its server keeps it in full.
    """

    def filter(self, record: logging.LogRecord) -> bool:
        """Whether the line is for the screen."""
        global _last  # noqa: PLW0603  # logging makes the filter, nobody else gets hold of it
        speaks_for_runs = record.name.startswith(("prefect.flow_runs", "prefect.task_runs"))
        shown = not speaks_for_runs or Path(__file__).parents[1] in Path(record.pathname).parents
        if shown:
            _last = time.monotonic()
        return shown
