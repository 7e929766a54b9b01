"""The command `thawline predict`: a registered model names images, one line an image."""

import os
import signal
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import TextIO

from components.frame import files
from components.frame.errors import DataError, UsageError
from flows.prediction import inputs
from flows.prediction.inputs import ImageFile
from flows.prediction.rows import Format, Rows
from flows.project import Project
from flows.registry import versions
from flows.serving import fetched, worker

CLOSED = 141
"""Exit code where whoever read our lines wants no more, as a shell tells it of SIGPIPE."""


@dataclass(frozen=True, kw_only=True)
class PredictOptions:
    """What a person asks for."""

    named: tuple[str, ...]
    """Files and folders."""
    start: Path
    """The folder in which the person stands."""
    model: str | None
    """`NAME@ALIAS` or `NAME/VERSION`; by default the champion."""
    form: Format
    output: Path | None
    """A file to write; by default standard output."""


def predict(project: Project, options: PredictOptions) -> int:
    """Write what the model says of every image that can be read; the exit code.

    Raises:
        UsageError: a file, the model or its version does not exist.
        DataError: no image or no folder could be read, or the model is not what was registered.
        UnreachableError: the tracking store is away.
    """
    images = inputs.find(options.named, options.start)
    others = inputs.passed_over(options.named, options.start)
    if not images:
        beside = f" ({others})" if others else ""
        raise DataError(f"Images must be named, but {', '.join(options.named)} holds none{beside}.")
    if others:
        print(f"unreadable: {others}, passed over, being no images", file=sys.stderr)
    _check_output(options, images)
    signal.signal(signal.SIGTERM, _leave)
    with (
        fetched.named(project, wanted(project, options.model)) as (_, folder),
        worker.running(folder) as model,
        _opened(options) as file,
    ):
        try:
            _predict(options, images, model, file)
        except BrokenPipeError:
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            return CLOSED
    return 0


def wanted(project: Project, model: str | None) -> versions.Name:
    """The version that is asked: by default the champion.

    Raises:
        UsageError: a person named it in another form.
    """
    if model is None:
        return versions.Name(versions.model_name(project), alias=versions.CHAMPION)
    return versions.named(project, model)


def _predict(
    options: PredictOptions, images: list[ImageFile], model: worker.Worker, file: TextIO
) -> None:
    """Ask for all images in portions, and write each line as soon as it is known."""
    rows, read = Rows(file, options.form, model.columns), 0
    with _progress(options, len(images)) as advance:
        for portion in inputs.portions(_openable(options, images, advance)):
            answers = model.ask([image.path for image in portion])
            for image, answer in zip(portion, answers, strict=True):
                if "error" in answer:
                    _complain(image, answer["error"])
                else:
                    rows.add(image, answer)
                    read += 1
            rows.flush()
            advance(len(portion))
    if not read:
        raise DataError(
            f"At least one image must be readable, but none of {len(images):,} is. "
            "The reasons stand above."
        )


def _openable(
    options: PredictOptions, images: list[ImageFile], advance: Callable[[int], None]
) -> Iterator[ImageFile]:
    """The images without those that are not even opened, which are told."""
    for image in images:
        reason = inputs.fault(image, options.named)
        if reason is None:
            yield image
        else:
            _complain(image, reason)
            advance(1)


def _complain(image: ImageFile, reason: str) -> None:
    shown = image.shown.encode("utf-8", "backslashreplace").decode()
    print(f"unreadable: {shown}: {reason}", file=sys.stderr)


def _check_output(options: PredictOptions, images: Sequence[ImageFile]) -> None:
    """See that the output is a file of its own: writing it must cost no image."""
    if options.output is None:
        return
    output = options.start / options.output
    if output.is_dir():
        raise UsageError(f"--output must name a file, but {options.output} is a folder.")
    if output.exists() and any(output.samefile(image.path) for image in images):
        raise UsageError(
            f"--output must be another file than the images, but {options.output} is one of them."
        )


@contextmanager
def _opened(options: PredictOptions) -> Iterator[TextIO]:
    """Where the lines go; a file is there whole or not at all."""
    if options.output is None:
        sys.stdout.reconfigure(encoding="utf-8")  # type: ignore[union-attr]
        yield sys.stdout
        return
    with (
        files.replacing(options.start / options.output) as temporary,
        temporary.open("w", encoding="utf-8", newline="") as file,
    ):
        yield file


@contextmanager
def _progress(options: PredictOptions, total: int) -> Iterator[Callable[[int], None]]:
    """Something to call with how many are done: a bar, unless the screen shows the lines anyway."""
    lines_on_screen = options.output is None and sys.stdout.isatty()
    if lines_on_screen or not sys.stderr.isatty():
        yield lambda _done: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TimeRemainingColumn

    columns = ("images", BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True), redirect_stdout=False) as bar:
        task = bar.add_task("", total=total)
        yield lambda done: bar.advance(task, done)


def _leave(number: int, _frame: FrameType | None) -> None:
    """End through the stack, so that nothing of the model is left behind."""
    sys.exit(128 + number)
