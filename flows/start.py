"""The flow in a process of its own, below `thawline run`: `python -m flows.start`.

Light until it runs, so that Ctrl-C ends it without a word at any moment.
"""

import sys

from components.errors import ThawlineError
from flows import process
from flows.defect import defect
from flows.project import enter, find

INTERRUPTED = 130


def main() -> None:
    """Run the flow, and leave with the exit code of what failed first."""
    try:
        process.tie_alone()
        sys.exit(run())
    except KeyboardInterrupt:
        sys.exit(INTERRUPTED)


def run() -> int:
    """Run the flow; its exit code. What the tasks did not tell is told here."""
    project = find()
    enter(project)
    from flows.finetune import RunFailedError, finetune

    state = finetune(return_state=True)
    if state.is_completed():
        return 0
    error = state.result(raise_on_failure=False)
    if isinstance(error, RunFailedError):
        return error.exit_code
    if isinstance(error, ThawlineError):
        print(f"error: {error}", file=sys.stderr)
        return error.exit_code
    print(f"error: {defect(project, 'finetune', error)}", file=sys.stderr)
    return 1


if __name__ == "__main__":
    main()
