"""The command `thawline`."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Literal, NoReturn

import typer

from components.frame.errors import ThawlineError, UsageError
from flows.project import Project, enter, find
from flows.runtime.crash_log import unforeseen

HELP = {"help_option_names": ["-h", "--help"]}

app = typer.Typer(
    name="thawline",
    context_settings=HELP,
    help=(
        "Fine-tunes a pretrained image model on your images, and replaces the model in use only "
        "when the new one is shown to be better."
    ),
    epilog="Exit codes: 0 done, 1 an internal error, or a rebuild with other weights, 2 usage or "
    "parameters, 3 bad data, "
    "4 the gate refused, 5 a service or the disk out of reach, 130 and 143 stopped.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)

searches = typer.Typer(no_args_is_help=True, context_settings=HELP)
app.add_typer(searches, name="search", help="Look at the search.")

Overrides = Annotated[
    list[str] | None,
    typer.Option(
        "--set",
        metavar="STAGE.KEY=VALUE",
        help="Write a value into params/STAGE.yaml, then run. May be given several times.",
    ),
]
Once = Annotated[
    list[str] | None,
    typer.Option(
        "--once",
        metavar="STAGE.KEY=VALUE",
        help="The same for this run only: the file is as before afterwards.",
    ),
]

Reason = Annotated[str | None, typer.Option(help="Why, in your words; the ledger keeps it.")]


@app.callback(invoke_without_command=True)
def thawline(
    *,
    version: Annotated[bool, typer.Option("--version", help="Show the version and leave.")] = False,
) -> None:
    """What stands before a command."""
    if version:
        from importlib import metadata

        print(f"thawline {metadata.version('thawline')}")
        raise typer.Exit


@app.command()
def run(
    values: Overrides = None,
    once: Once = None,
    *,
    effort: Annotated[
        Literal["quick", "standard", "best"] | None,
        typer.Option(help="How much it may cost: sets epochs, trials and image size, for good."),
    ] = None,
    budget: Annotated[
        str | None,
        typer.Option(metavar="TIME", help="The same by time, as far as a forecast goes: 1h30m."),
    ] = None,
) -> None:
    """Run the pipeline: build what is stale, then publish, register, judge and promote.

    Where nothing changed nothing is done. A run that was stopped goes on where it was. What there
    is to set: thawline params.
    """
    from flows.pipeline import command
    from flows.projects import known

    options = command.RunOptions(
        values=values or (),
        once=once or (),
        effort=effort,
        budget=budget,
        start=Path.cwd(),
    )
    project = _project()
    known.remember(project)
    raise typer.Exit(command.run(project, options))


@app.command()
def params(
    pattern: Annotated[
        str, typer.Argument(help="A part of a name, such as `search` or `rate`, or `*.seed`.")
    ] = "",
    *,
    reset: Annotated[
        list[str] | None,
        typer.Option(
            "--reset",
            metavar="NAME",
            help="Take a parameter back to its default, or all of a stage. May be repeated.",
        ),
    ] = None,
    resolved: Annotated[
        bool,
        typer.Option("--resolved", help="What is in force, what `auto` became, and where from."),
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="For programs.")] = False,
) -> None:
    """List every parameter: its value, default, range and meaning. `*` marks what you changed."""
    from flows.parameters import listing

    if reset and (pattern or as_json or resolved):
        raise UsageError(
            "--reset goes with no pattern, no --json and no --resolved: name what is to be reset "
            "by --reset alone."
        )
    if reset:
        from flows.pipeline import overrides

        with _alone() as project:
            for change in overrides.reset(project, reset):
                print(change)
        return
    project = _project()
    found = listing.parameters(project, pattern)
    if resolved:
        from flows.parameters import resolved as in_force

        print(in_force.as_json(project, found) if as_json else in_force.screen(project, found))
        return
    print(listing.as_json(found) if as_json else listing.screen(project, found))


@app.command()
def models(
    pattern: Annotated[
        str, typer.Argument(help="A part of a name, such as `resnet`, or `vit_*_224`.")
    ] = "",
) -> None:
    """List the networks that can be trained: parameters, size, cost, weights, licence."""
    from flows.parameters import models

    print(models.screen(pattern))


@app.command()
def init(
    folder: Annotated[Path, typer.Argument(metavar="FOLDER", help="Empty, or not there yet.")],
    *,
    source: Annotated[
        Path | None,
        typer.Option(help="Your images: one sub-folder a class, or a .tar or .zip of that."),
    ] = None,
    name: Annotated[
        str | None, typer.Option(help="Of the model; by default the folder's name.")
    ] = None,
    values: Overrides = None,
) -> None:
    """Make a folder a project of its own, with its own parameters, images and champion.

    In a project of before it renews what an upgrade of Thawline changed.
    """
    from flows.projects import init

    given = [f"ingest.source={source.expanduser().absolute()}"] if source else []
    print(init.init(folder, [*given, *(values or [])], name))


@app.command()
def schedule(
    cron: Annotated[
        str, typer.Option(help='Minute, hour, day, month, weekday: "0 3 * * *" is 3 at night.')
    ],
    *,
    timezone: Annotated[str, typer.Option(help="Where the clock hangs: Europe/Berlin.")] = "UTC",
    overlap: Annotated[
        Literal["skip", "wait"],
        typer.Option(help="What a run does that comes due while another one works."),
    ] = "skip",
    name: Annotated[
        str | None, typer.Option(help="Of the deployment; by default the folder's name.")
    ] = None,
    port: Annotated[
        int | None,
        typer.Option(help="Of Prefect's pages; by default 4200, or the next that is free."),
    ] = None,
) -> None:
    """Run the pipeline again and again, on this machine, until Ctrl-C.

    Starts a Prefect server for this project, or uses the one that PREFECT_API_URL names.
    """
    from flows.scheduling import schedule

    project = _project()
    options = schedule.ScheduleOptions(
        cron=cron,
        timezone=timezone,
        overlap=overlap,
        name=name or project.root.name,
        port=port,
    )
    raise typer.Exit(schedule.schedule(project, options))


@app.command()
def sync() -> None:
    """Pin the images and the starting weights as they are now, for the next `dvc repro`."""
    _perform("sync")


@app.command()
def publish() -> None:
    """Show the run in build/ in MLflow: parameters, curves, trials, figures, metrics."""
    _perform("publish")


@app.command()
def register() -> None:
    """Make the model in build/ a version in MLflow's registry, unless it is one already."""
    _perform("register")


@app.command()
def judge() -> None:
    """Compare the model in build/ with the champion on the same test images."""
    _perform("judge")


@app.command()
def promote(
    version: Annotated[
        int | None, typer.Argument(help="A version; by default the one that build/ holds.")
    ] = None,
    *,
    anyway: Annotated[
        bool, typer.Option("--anyway", help="Against the gate; the ledger keeps that you did.")
    ] = False,
    reason: Reason = None,
) -> None:
    """Make a version the champion, as far as the verdict on it allows (else exit code 4).

    Without a version the one in build/; where no verdict allows it, the last one is shown.
    """
    from flows.actions import pending, promote
    from flows.pipeline.status import built_version

    with _alone() as project:
        built = built_version(project)
        chosen = built if version is None else version
        print(promote.promote(project, version=chosen, anyway=anyway, said=reason).message)
        if chosen == built:
            pending.remember_action(project, "promote")


@app.command()
def rollback(reason: Reason = None) -> None:
    """Go back to the champion before. It stays: no verdict of before this undoes it."""
    from flows.actions import promote

    with _alone() as project:
        print(promote.rollback(project, reason).message)


@app.command()
def compare(
    first: Annotated[str, typer.Argument(metavar="A", help="champion, 3, NAME/3, or a run's id.")],
    second: Annotated[str, typer.Argument(metavar="B", help="The same.")],
) -> None:
    """Show what differs between two models: parameters, figures, images that were won or lost."""
    from flows.gate import compare

    print(compare.screen(_project(), first, second))


@app.command()
def history() -> None:
    """List the champions there were, and why each became one."""
    from flows.pipeline import history

    print(history.screen(_project()))


@app.command()
def predict(
    images: Annotated[
        list[str],
        typer.Argument(metavar="FILES_OR_FOLDERS", help="Images, or where they lie."),
    ],
    *,
    model: Annotated[
        str | None,
        typer.Option(metavar="NAME@ALIAS|NAME/VERSION", help="By default the champion."),
    ] = None,
    form: Annotated[Literal["jsonl", "csv"], typer.Option("--format")] = "jsonl",
    output: Annotated[
        Path | None, typer.Option(metavar="FILE", help="By default standard output.")
    ] = None,
) -> None:
    """Name images with a registered model: a line each, with the probability of every class.

    Those that cannot be read are told on standard error; exit code 3 where none can.
    """
    from flows.prediction import predict

    options = predict.PredictOptions(
        named=tuple(images), start=Path.cwd(), model=model, form=form, output=output
    )
    raise typer.Exit(predict.predict(_project(), options))


@app.command()
def serve(
    *,
    model: Annotated[
        str | None,
        typer.Option(metavar="NAME@ALIAS|NAME/VERSION", help="By default the champion."),
    ] = None,
    port: Annotated[
        int | None, typer.Option(help="By default 8080, or the next that is free.")
    ] = None,
) -> None:
    """Answer for images over HTTP, on 127.0.0.1, until Ctrl-C: MLflow's own server.

    It runs in the environment at hand; the line to ask it with `curl` is printed.
    """
    from flows.prediction import serve

    raise typer.Exit(serve.serve(_project(), model, port))


@app.command()
def rebuild(
    version: Annotated[int, typer.Option("--version", min=1, help="The version to build again.")],
    *,
    name: Annotated[
        str | None, typer.Option(help="Of the model; by default that in params/register.yaml.")
    ] = None,
) -> None:
    """Build a registered version again in an empty clone, and compare the weights' SHA-256.

    The images and the starting weights come from the DVC remote, all the rest is computed.
    Exit code 1 where the weights differ.
    """
    from flows.rebuilding import rebuild

    with _alone() as project:
        code = rebuild.rebuild(project, version, name)
    raise typer.Exit(code)


@app.command()
def push() -> None:
    """Send the outputs of the stages to the DVC remote."""
    _perform("push")


@app.command()
def status(
    *,
    every: Annotated[
        bool, typer.Option("--all", help="A line for each project of this machine instead.")
    ] = False,
) -> None:
    """Show what is stale and pending, and which model is the champion."""
    if every:
        from flows.projects import overview

        print(overview.screen())
    else:
        from flows.pipeline.status import screen

        print(screen(_project()))


@app.command()
def ui(
    *,
    port: Annotated[
        int | None, typer.Option(help="By default 5000, or the next that is free.")
    ] = None,
) -> None:
    """Show runs, trials and models in MLflow's pages, on 127.0.0.1, until Ctrl-C."""
    from flows.pages import ui

    ui.ui(_project(), port)


@app.command()
def worker() -> None:
    """Take part in a search that runs elsewhere too, until it ends.

    THAWLINE_STUDY names the database that all of them share; inputs and code must be the same.
    """
    from flows.pipeline.worker import work

    raise typer.Exit(work(_project()))


@searches.command()
def show() -> None:
    """Print what the last search tried, what it decided and why; or how the one at work stands."""
    from flows.pipeline import status

    print(status.search(_project()))


@app.command()
def cache(
    *,
    clear: Annotated[
        bool, typer.Option("--clear", help="Remove all of it; it is computed again where needed.")
    ] = False,
) -> None:
    """List the kept activations of frozen layers, the most useful first."""
    from components.features import show

    with _alone() as project:
        print(show.cleared(project.cache) if clear else show.activations(project.cache))


def main() -> None:
    """Run the command, and leave with its exit code."""
    try:
        app()
    except ThawlineError as error:
        _fail(str(error), error.exit_code)
    except Exception as error:  # noqa: BLE001  # an internal error: its traceback goes to the log
        fault = unforeseen(find(), "thawline", error)
        _fail(str(fault), fault.exit_code)


def _perform(name: str) -> None:
    """Do one action for a person, and remember that it is done."""
    from flows.actions import action, pending
    from flows.runtime import pulse

    with _alone() as project, pulse.beside(print, str):
        print(action.perform(project, name))
        if name in action.AFTER_BUILD:
            pending.remember_action(project, name)


@contextmanager
def _alone() -> Iterator[Project]:
    """The project, with no run under way in it."""
    from flows.runtime import locks

    project = _project()
    with locks.run(project):
        yield project


def _project() -> Project:
    from flows.parameters import once
    from flows.projects import links

    project = find()
    links.renew(project)
    enter(project)
    for name in once.restore_after_kill(project):
        print(f"{name} is as before the killed run that changed it for once", file=sys.stderr)
    return project


def _fail(sentence: str, exit_code: int) -> NoReturn:
    sys.stdout.flush()
    print(f"error: {sentence}", file=sys.stderr, flush=True)
    sys.exit(exit_code)


if __name__ == "__main__":
    main()
