"""The command `thawline run`: a light parent that asks first whether anything is to be done.

The flow runs in a session of its own, so that Ctrl-C reaches it alone and not the server that
Prefect starts beside it; whatever it leaves behind ends with it.
"""

import signal
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from types import FrameType

from components.frame import versions
from components.frame.errors import UsageError
from flows.actions import pending, sync
from flows.parameters import once
from flows.parameters.effort import Effort
from flows.pipeline import dial, next_steps, overrides
from flows.project import Project, environment
from flows.records import ledger
from flows.runtime import locks, process, pulse
from flows.tracking import stores

STOPPING = (
    f"Stopping: what runs has {process.GRACE_SECONDS} s to end whole. Again: it ends at once."
)
STOPPED = "Stopped. Finished stages, trials and epochs are kept. Go on from there with: {run}"
UNFINISHED = "Not finished (exit code {code}): the reason stands above. What is finished is kept."
ENDINGS = {
    130: STOPPED,
    143: STOPPED,
    5: "Not finished: what is built is kept. Once what was away answers, go on with: {run}",
}
"""The last line of a run by its exit code."""
LOOKING = "the images, and what is built of them"
MEASURING = "how fast this machine trains, to see what the budget holds"
WHY_NOTHING = (
    "no stage is stale, the images and the starting weights are the same, no action is pending"
)


@dataclass(frozen=True, kw_only=True)
class RunOptions:
    """What a person asked for."""

    values: Sequence[str] = ()
    """As `search.max_trials=20`, written into `params/` for good."""
    once: Sequence[str] = ()
    """Likewise, for this run only."""
    effort: Effort | None = None
    """How much the run may cost."""
    budget: str | None = None
    """How long the run may take, such as `20m`."""
    start: Path | None = None
    """Where the person stands: there a relative path begins."""


def run(project: Project, options: RunOptions) -> int:
    """Set the values asked for, build what is stale, do what is pending; the exit code.

    Raises:
        ThawlineError: something that a run needs is missing; nothing was begun, nor written.
    """
    begun = time.monotonic()
    versions.require(project.root)
    with locks.run(project) as lock:
        once.restore(project)
        with pulse.beside(print, lambda: MEASURING if options.budget else LOOKING):
            dialled = _dialled(project, options)
        with pulse.beside(print, lambda: LOOKING):
            lasting = overrides.planned(project, [*dialled.texts, *options.values], options.start)
            passing = overrides.planned(project, options.once, options.start, upon=lasting)
            _prove(project, lasting)
        for line in [*lasting.write(), *dialled.sentences()]:
            print(line)
        dialled.remember(project)
        for change in passing.changes:
            print(f"{change}, for this run")
        with once.in_force(project, passing.texts):
            with pulse.beside(print, lambda: LOOKING):
                idle = nothing_to_do(project)
                if not idle:
                    check(project)
            if idle:
                print(note_nothing(project))
                return 0
            code = operate(project, lock)
    if code == 0:
        from flows.pipeline import summary

        print(summary.screen(project, time.monotonic() - begun))
    else:
        again = f"{next_steps.command(project)} run"
        print(ENDINGS.get(code, UNFINISHED).format(code=code, run=again))
    return code


def check(project: Project) -> None:
    """See that nothing is missing that a run needs, before anything begins.

    Raises:
        ThawlineError: a parameter is wrong, the images are not there, or the tracking store is
            none that can be used.
    """
    overrides.check_all(project)
    sync.pinned(project)
    stores.require_usable(project)


def _dialled(project: Project, options: RunOptions) -> dial.Setting:
    """What the effort or the budget that was asked for comes to."""
    if options.effort and options.budget:
        raise UsageError("--effort and --budget set the same parameters. Give one of them.")
    if options.budget:
        seconds = dial.read_budget(options.budget)
        return dial.of_budget(project, seconds, options.values, options.start)
    if options.effort is None:
        return dial.NONE
    return dial.of_effort(project, options.effort, options.values, options.start)


def _prove(project: Project, lasting: overrides.Edits) -> None:
    """See that what is to stay can be run, before it is written for good.

    Raises:
        ThawlineError: the images or the weights cannot be used.
    """
    with once.in_force(project, lasting.texts):
        if lasting.texts:
            sync.pinned(project)


def nothing_to_do(project: Project) -> bool:
    """Whether no stage is stale, nothing in the world is new and no action is pending."""
    return pending.is_built(project) and sync.pinned(project) and not pending.pending(project)


def note_nothing(project: Project) -> str:
    """Keep in the ledger that a run found nothing to do; the line that says why."""
    ledger.append(project, "nothing", reason=WHY_NOTHING)
    return f"Nothing to do: {WHY_NOTHING}."


def operate(project: Project, lock: int) -> int:
    """Run the flow to its end; Ctrl-C and SIGTERM are passed on to it alone."""
    flow = process.Child(
        process.module("flows.pipeline.entry"),
        folder=project.root,
        environment=environment(project),
        keep=[lock],
    )

    def pass_on(number: int, _frame: FrameType | None) -> None:
        flow.tell(number)
        print(f"\n{STOPPING}", flush=True)

    before = {number: signal.signal(number, pass_on) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        return flow.wait()
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
