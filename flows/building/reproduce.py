"""Have DVC build one stage, in this process: `python -m flows.building.reproduce STAGE [--anew]`.

The last line says what happened (`outcome: ran`, `restored` or `unchanged`); the exit code is the
stage's own, which `dvc repro` hides behind its 255.
"""

import re
import sys
from typing import Any, Literal, get_args

from components.frame.errors import ThawlineError, UnreachableError, UsageError
from flows import proxies
from flows.building import aside, repository
from flows.project import Project, enter, find
from flows.runtime import process
from flows.runtime.crash_log import unforeseen

Outcome = Literal["ran", "restored", "unchanged"]
ANEW = "--anew"
MARK = "\x1eoutcome: "
"""Begins with the record separator, which no text of a stage holds."""


@proxies.reaching_out()
def main() -> None:
    """Build the stage that the command line names, and leave with its exit code."""
    process.tie()
    project = find()
    enter(project)
    try:
        print(MARK + reproduce(project, sys.argv[1], anew=ANEW in sys.argv[2:]), flush=True)
    except ThawlineError as error:
        print(f"error: {error}", file=sys.stderr, flush=True)
        sys.exit(error.exit_code)
    except CommandFailedError as error:
        sys.exit(error.exit_code)
    except KeyboardInterrupt:
        sys.exit(130)
    except Exception as error:  # noqa: BLE001  # an internal error: its traceback goes to the log
        fault = unforeseen(project, "reproduce", error)
        print(f"error: {fault}", file=sys.stderr, flush=True)
        sys.exit(fault.exit_code)


class CommandFailedError(Exception):
    """The stage's command ended with an exit code, after it said why."""

    def __init__(self, exit_code: int) -> None:
        super().__init__(f"exited with {exit_code}")
        self.exit_code = exit_code


def outcome_of(line: str) -> tuple[str, Outcome | None]:
    """A line without the mark, and the outcome where it bears one."""
    text, _, word = line.partition(MARK)
    return text, next((outcome for outcome in get_args(Outcome) if outcome == word), None)


def reproduce(project: Project, stage: str, *, anew: bool = False) -> Outcome:
    """Build `stage` if it is stale; where DVC's caches hold the result, it is taken from there.

    With `anew` it is built in any case, and nothing is taken from a cache.

    Raises:
        CommandFailedError: its command failed.
        ThawlineError: DVC could not begin or finish, in a sentence.
    """
    from dvc.exceptions import DvcException, ReproductionError

    try:
        with repository.opened(project) as repo, aside.strangers(project, repo, stage):
            restored = _watch_restore(repo)
            built = repo.reproduce(stage, single_item=True, force=anew)
    except ReproductionError as error:
        raise _reason(error) from error
    except DvcException as error:
        raise UsageError(f"DVC: {error}") from error
    if not built:
        return "unchanged"
    return "restored" if restored else "ran"


def _watch_restore(repo: Any) -> list[str]:  # noqa: ANN401  # dvc has no types
    """Make DVC note in the returned list the stages that it takes from a cache."""
    restored: list[str] = []
    restore = repo.stage_cache.restore

    def noted(stage: Any, *arguments: Any, **options: Any) -> None:  # noqa: ANN401  # DVC's
        restore(stage, *arguments, **options)
        restored.append(stage.addressing)

    repo.stage_cache.restore = noted
    return restored


def _reason(error: Exception) -> Exception:
    """What a failed reproduction means: the stage's own exit code, the disk, or DVC's words."""
    from dvc.stage.exceptions import StageCmdFailedError

    cause = error.__cause__
    if isinstance(cause, StageCmdFailedError):
        code = re.search(r"exited with (-?\d+)$", str(cause))
        return CommandFailedError(process.exit_code(int(code.group(1))) if code else 1)
    if isinstance(cause, OSError):
        return UnreachableError(
            f"The disk did not take what DVC wrote ({cause}). Make room or fix it, then run again."
        )
    return UsageError(f"DVC: {cause or error}")


if __name__ == "__main__":
    main()
