"""A schedule kept, in a process of its own below `thawline schedule`.

`python -m flows.scheduling.serve`: the server, where it is ours, and the runs are its children and
end with it.
"""

import asyncio
import os
import signal
import sys
from typing import Any, NoReturn
from uuid import UUID

from components.frame.errors import ThawlineError
from flows.project import Project, enter, find
from flows.runtime import prefect_server, process
from flows.runtime.crash_log import unforeseen
from flows.scheduling import cron
from flows.scheduling.schedule import Overlap, ScheduleOptions

STRATEGIES: dict[Overlap, str] = {"skip": "CANCEL_NEW", "wait": "ENQUEUE"}
"""What Prefect calls the two ways with a run that comes due while another one works."""
PAUSE = 0.1
WIDTH = 14
"""Of the column of headings."""


def main() -> None:
    """Keep the schedule that the command line holds as JSON, until we are told to stop."""
    process.tie_alone()
    project = find()
    enter(project)
    try:
        keep(project, ScheduleOptions.from_json(sys.argv[1]))
    except KeyboardInterrupt:
        sys.exit(0)
    except ThawlineError as error:
        _fail(str(error), error.exit_code)
    except Exception as error:  # noqa: BLE001  # an internal error: its traceback goes to the log
        fault = unforeseen(project, "schedule", error)
        _fail(str(fault), fault.exit_code)


def keep(project: Project, options: ScheduleOptions) -> None:
    """Tell what will happen, and have it happen, until a signal comes.

    Raises:
        UsageError: the schedule is none that can be kept.
        UnreachableError: there is no server to keep it.
    """
    plan, dates = cron.checked(options.cron, options.timezone)
    _say("Schedule", f"{plan.text} in {plan.timezone}; the next runs:")
    for date in dates:
        _say("", cron.written(date))
    for warning in cron.warnings(plan):
        _say("Note", warning)
    ours = prefect_server.named() is None
    with prefect_server.serving(project, options.port) as address:
        os.environ["PREFECT_API_URL"] = address
        _say("Prefect", f"{prefect_server.pages(address)} shows every run")
        from prefect.settings import PREFECT_API_URL, temporary_settings

        with temporary_settings({PREFECT_API_URL: address}):  # imported before, to count the dates
            asyncio.run(serve(plan, options, ours=ours))


async def serve(plan: cron.Cron, options: ScheduleOptions, *, ours: bool) -> None:
    """Register the flow with the server (`ours` or another's), and start its runs when due.

    Prefect's `flow.serve`, but for its end: what that makes of SIGTERM is a traceback, and a run
    that is shown as crashed.
    """
    from prefect.client.schemas.objects import ConcurrencyLimitConfig, ConcurrencyLimitStrategy
    from prefect.runner import Runner
    from prefect.schedules import Cron

    from flows.scheduling.scheduled import scheduled

    runner = Runner(name=options.name, pause_on_shutdown=False)
    deployment = await runner.aadd_flow(
        scheduled,
        name=options.name,
        schedule=Cron(plan.text, timezone=plan.timezone),
        parameters={"overlap": options.overlap},
        concurrency_limit=ConcurrencyLimitConfig(
            limit=1, collision_strategy=ConcurrencyLimitStrategy(STRATEGIES[options.overlap])
        ),
    )
    if ours:
        await bury(deployment)
    begun = asyncio.create_task(runner.start())
    while not (runner.started or begun.done()):  # noqa: ASYNC110  # there is no event for it
        await asyncio.sleep(PAUSE)
    told = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, told.set)
    ended = asyncio.create_task(told.wait())
    await asyncio.wait([begun, ended], return_when=asyncio.FIRST_COMPLETED)
    if not begun.done():
        await runner.astop()
    await begun


async def bury(deployment: UUID) -> None:
    """End on our server what a cut of the power left there: nobody else runs the deployment.

    A run that seems to work would else keep every later one away, for ever: Prefect's leases on
    the one place that there is lie in the memory of a server that is gone.
    """
    from prefect.client.orchestration import get_client
    from prefect.client.schemas.actions import GlobalConcurrencyLimitUpdate
    from prefect.client.schemas.objects import State
    from prefect.states import Crashed

    async with get_client() as client:
        for run in await client.read_flow_runs(flow_run_filter=_at_work(deployment)):
            state: State[Any] = Crashed(message="the machine or the schedule was ended by force")
            await client.set_flow_run_state(run.id, state, force=True)
        limit = (await client.read_deployment(deployment)).global_concurrency_limit
        if limit is not None:
            free = GlobalConcurrencyLimitUpdate(active_slots=0)
            await client.update_global_concurrency_limit(limit.name, free)


def _at_work(deployment: UUID) -> Any:  # noqa: ANN401  # its type is imported late
    from prefect.client.schemas.filters import (
        FlowRunFilter,
        FlowRunFilterDeploymentId,
        FlowRunFilterState,
        FlowRunFilterStateType,
    )
    from prefect.client.schemas.objects import StateType

    kinds = [StateType.PENDING, StateType.RUNNING, StateType.CANCELLING]
    return FlowRunFilter(
        deployment_id=FlowRunFilterDeploymentId(any_=[deployment]),
        state=FlowRunFilterState(type=FlowRunFilterStateType(any_=kinds)),
    )


def _say(heading: str, text: str) -> None:
    print(f"  {heading:<{WIDTH}}{text}", flush=True)


def _fail(sentence: str, exit_code: int) -> NoReturn:
    print(f"error: {sentence}", file=sys.stderr)
    sys.exit(exit_code)


if __name__ == "__main__":
    main()
