"""A stage built in a process group of its own, with its time limit, its output streamed."""

from collections.abc import Callable

from components.frame.errors import ThawlineError
from flows.building.graph import Node
from flows.building.reproduce import ANEW, Outcome, outcome_of
from flows.project import Project, environment
from flows.runtime import process

SECONDS = 60
LIMIT_CODE = 2
"""Exit code where the time limit, a parameter, ended a stage."""


class StageFailedError(ThawlineError):
    """A stage did not end well; its own lines say why."""

    def __init__(self, message: str, exit_code: int, state: str) -> None:
        super().__init__(message)
        self.exit_code = exit_code
        self.state = state
        """A name for the state of its task."""


def build(
    project: Project, node: Node, say: Callable[[str], None], *, anew: bool = False
) -> Outcome:
    """Have DVC build `node` if it is stale, or `anew` in any case; its lines go to `say`.

    However this ends, by an exception from outside too, nothing of the process is left.

    Raises:
        StageFailedError: it failed, or did not end within its time limit.
    """
    outcomes: list[Outcome] = []

    def hear(line: str) -> None:
        text, outcome = outcome_of(line)
        if outcome:
            outcomes.append(outcome)
        if text or not outcome:
            say(text)

    child = process.Child(
        process.module("flows.building.reproduce", node.name, *([ANEW] if anew else [])),
        folder=project.root,
        environment=environment(project),
        say=hear,
    )
    limit = node.meta.timeout_minutes
    try:
        code = child.wait(limit and limit * SECONDS)
    except TimeoutError:
        raise _too_slow(node) from None
    finally:
        child.stop()
    if code:
        raise StageFailedError(f"failed with exit code {code}", code, "Failed")
    return outcomes[-1]


def _too_slow(node: Node) -> StageFailedError:
    return StageFailedError(
        f"must end within {node.meta.timeout_minutes} minutes (timeout_minutes of `{node.name}` "
        "in dvc.yaml), but did not. Raise the limit; what it finished is kept: thawline run",
        LIMIT_CODE,
        "TimedOut",
    )
