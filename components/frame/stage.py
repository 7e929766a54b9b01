"""The frame a stage stands in: its parameters, its paths, its errors and its command line.

A stage is one function in the module of its name:

    def split(params: SplitParams, *, images: In, splits: Out) -> None: ...

    if __name__ == "__main__":
        run(split)

`dvc.yaml` holds the paths, `params/split.yaml` the values; `run` brings both together. With
`python -m components.frame.stage split FOLDER` what it writes goes to a folder apart.
"""

import inspect
import os
import signal
import sys
import time
import traceback
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from types import FrameType
from typing import Literal, get_type_hints

from components.frame import files, versions
from components.frame.errors import ThawlineError, UsageError, disk_fault
from components.frame.params import load_params, params_model
from components.frame.spec import In, Out, Settings, Spec, spec
from components.frame.work import Work, open_work, work_in

StageFunction = Callable[..., None]
Kind = Literal["in", "out", "work", "settings"]
PR_SET_PDEATHSIG = 1
"""From <sys/prctl.h>."""


def stage_function(name: str) -> StageFunction:
    """The function of a stage, from the module of its name."""
    function: StageFunction = getattr(import_module(f"components.{name}"), name)
    return function


def run(function: StageFunction, apart: Path | None = None) -> None:
    """Run a stage in the current folder and leave with an exit code that says how it went.

    What it writes goes to the folder `apart`, where one is named, its work and its outputs.

    0 done, 1 an internal error, 2 parameters, 3 data, 5 disk or service, 143 ended by SIGTERM.
    """
    signal.signal(signal.SIGTERM, _leave)
    die_with_parent()
    try:
        _run(function, Path.cwd(), apart)
    except ThawlineError as error:
        _say_error(f"{function.__name__}: {error}")
        sys.exit(error.exit_code)
    except KeyboardInterrupt:
        sys.exit(130)
    except Exception as error:  # noqa: BLE001  # an internal error: its traceback goes to the log, the path to the person
        if fault := disk_fault(error):
            _say_error(f"{function.__name__}: {fault}")
            sys.exit(fault.exit_code)
        log = Path(".thawline") / "logs" / f"{function.__name__}.log"
        files.write_text(log, traceback.format_exc())
        _say_error(f"{function.__name__}: internal error; the traceback lies in {log}.")
        sys.exit(1)


def _run(function: StageFunction, root: Path, apart: Path | None) -> None:
    os.environ.setdefault("NO_ALBUMENTATIONS_UPDATE", "1")
    # Threads that wait by spinning train four times slower beside another busy process.
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    name = function.__name__
    stage = spec(name, root)
    versions.require(root, stage.versions)
    params = load_params(params_model(function), root / "params" / f"{name}.yaml")
    arguments = _arguments(function, stage, root, apart or root)
    started = time.monotonic()
    work = arguments.get("work")
    if isinstance(work, Work):
        work.events.emit("started", stage=name)
    function(params, **arguments)
    if isinstance(work, Work):
        work.events.emit("finished", stage=name, seconds=time.monotonic() - started)


def _arguments(
    function: StageFunction, stage: Spec, root: Path, where: Path
) -> dict[str, Path | Work | Settings]:
    """The paths a stage's signature names, made ready, its work folder, and others' parameters."""
    paths = stage.paths()
    arguments: dict[str, Path | Work | Settings] = {}
    for name, kind in argument_kinds(function).items():
        if kind == "work":
            work = open_work(stage, root)
            arguments[name] = work if where == root else work_in(where, work)
            continue
        if kind == "settings":
            arguments[name] = _settings(stage, root)
            continue
        if name not in paths:
            raise UsageError(
                f"dvc.yaml: `{stage.name}` needs a file named {name!r} among its deps and outs, "
                f"but has {sorted(paths)}."
            )
        path = (where if kind == "out" else root) / paths[name]
        if kind == "in" and not path.exists():
            raise UsageError(f"{paths[name]} is missing. Build what makes it: dvc repro")
        if kind == "out":
            path.parent.mkdir(parents=True, exist_ok=True)
        arguments[name] = path
    return arguments


def _settings(stage: Spec, root: Path) -> Settings:
    """What the parameter files hold that a stage lists, each checked by its stage's model."""
    paths = [root / path for path in stage.params]
    return Settings(
        {path.stem: load_params(params_model(stage_function(path.stem)), path) for path in paths}
    )


def argument_kinds(function: StageFunction) -> dict[str, Kind]:
    """The keyword arguments of a stage and what each is."""
    kinds: dict[object, Kind] = {In: "in", Out: "out", Work: "work", Settings: "settings"}
    hints = get_type_hints(function)
    keywords = [
        name
        for name, parameter in inspect.signature(function).parameters.items()
        if parameter.kind is inspect.Parameter.KEYWORD_ONLY
    ]
    return {name: kinds[hints[name]] for name in keywords}


def _leave(number: int, _frame: FrameType | None) -> None:
    """End through the stack, so that a write under way ends whole; nothing is printed."""
    sys.exit(128 + number)


def die_with_parent() -> None:
    """Have Linux end this process when the one that started it is killed: no orphan goes on."""
    if sys.platform == "linux":
        import ctypes

        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGTERM)


def _say_error(text: str) -> None:
    sys.stdout.flush()
    print(f"error: {text}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    run(stage_function(sys.argv[1]), Path(sys.argv[2]))
