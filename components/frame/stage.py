"""The frame a stage stands in: its parameters, its paths, its errors and its command line.

A stage is one function in the module of its name:

    def split(params: SplitParams, *, pictures: In, splits: Out) -> None: ...

    if __name__ == "__main__":
        run(split)

`dvc.yaml` holds the paths, `params/split.yaml` the values; `run` brings both together.
"""

import hashlib
import inspect
import os
import shutil
import signal
import sys
import time
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from types import FrameType
from typing import Any, Literal, NewType, get_type_hints

from pydantic import BaseModel, ConfigDict, ValidationError

from components.frame import files
from components.frame.errors import ThawlineError, UsageError, full_disk
from components.frame.events import Events

In = NewType("In", Path)
"""A file or folder that a stage reads: one of its `deps`."""
Out = NewType("Out", Path)
"""A file or folder that a stage makes: one of its `outs`, `metrics` or `plots`."""

StageFunction = Callable[..., None]
PR_SET_PDEATHSIG = 1
"""From <sys/prctl.h>."""
KEPT_WORK_FOLDERS = 3
"""Studies and checkpoints of this many latest states of a stage are kept."""


class Params(BaseModel):
    """The parameters of a stage or an act: frozen, strict, unknown keys refused."""

    model_config = ConfigDict(
        frozen=True, strict=True, extra="forbid", allow_inf_nan=False, use_attribute_docstrings=True
    )


@dataclass(frozen=True)
class Work:
    """What may survive a kill but is no output: studies, checkpoints, events."""

    folder: Path
    """Belongs to one state of what the stage depends on: changed data resumes no old study."""
    cache: Path
    """Shared by the stages; every entry is named by what its content depends on."""
    events: Events


@dataclass(frozen=True)
class Spec:
    """A stage as `dvc.yaml` describes it; paths are relative to the project."""

    name: str
    deps: tuple[str, ...]
    outs: tuple[str, ...]
    params: tuple[str, ...] = ()

    def paths(self) -> dict[str, str]:
        """Its files below `data/` and `build/` by their names without ending.

        Raises:
            UsageError: two of them bear one name.
        """
        named: dict[str, str] = {}
        for path in (*self.deps, *self.outs):
            if path.startswith(("data/", "build/")):
                stem = Path(path).stem.replace("-", "_")
                if stem in named:
                    raise UsageError(
                        f"dvc.yaml: the files of a stage need different names, but `{self.name}` "
                        f"has {named[stem]} and {path}. Rename one of them."
                    )
                named[stem] = path
        return named


def spec(name: str, root: Path) -> Spec:
    """Read what `dvc.yaml` says of a stage.

    Raises:
        UsageError: there is no such stage.
    """
    stages = files.read_yaml(root / "dvc.yaml")["stages"]
    if name not in stages:
        raise UsageError(f"dvc.yaml has to describe the stage {name!r}, but has {list(stages)}.")
    entry = stages[name]
    outs = [_path_of(item) for kind in ("outs", "metrics", "plots") for item in entry.get(kind, [])]
    params = [_path_of(item) for item in entry.get("params", [])]
    return Spec(name, tuple(entry.get("deps", [])), tuple(outs), tuple(params))


def params_model(function: Callable[..., Any]) -> type[Params]:
    """The pydantic model in the signature of a stage or an act."""
    model: type[Params] = get_type_hints(function)["params"]
    return model


def stage_function(name: str) -> StageFunction:
    """The function of a stage, from the module of its name."""
    function: StageFunction = getattr(import_module(f"components.{name}"), name)
    return function


def load_params(model: type[Params], path: Path) -> Params:
    """Read and check a parameter file; all its errors come together.

    Raises:
        UsageError: one sentence for each rule that is broken.
    """
    return check_params(model, files.read_yaml(path), path)


def check_params(model: type[Params], values: object, path: Path) -> Params:
    """Check values as if they stood in `path`.

    Raises:
        UsageError: one sentence for each rule that is broken.
    """
    if values is None:
        values = {}
    if not isinstance(values, dict):
        raise UsageError(f"{path} has to hold `key: value` lines, but holds {values!r}.")
    try:
        return model.model_validate(values)
    except ValidationError as error:
        sentences = [_sentence(model, item, path) for item in error.errors()]
        raise UsageError("\n".join(sentences)) from None


def digest(stage: Spec, root: Path) -> str:
    """SHA-256 over all that a stage depends on: parameters as read, other files by content."""
    state = hashlib.sha256()
    for path in sorted(stage.params):
        state.update(files.canonical([path, files.read_yaml(root / path)]))
    for path in sorted(stage.deps):
        state.update(files.canonical([path, _content(root / path)]))
    return state.hexdigest()


def work_folder(stage: Spec, root: Path) -> Path:
    """Where a stage keeps its study, checkpoints and events in the present state of its inputs."""
    return root / ".thawline" / "work" / stage.name / digest(stage, root)[:16]


def run(function: StageFunction) -> None:
    """Run a stage in the current folder and leave with an exit code that says how it went.

    0 done, 1 a defect of ours, 2 parameters, 3 data, 5 disk or service, 143 ended by SIGTERM.
    """
    signal.signal(signal.SIGTERM, _leave)
    _die_with_parent()
    try:
        _run(function, Path.cwd())
    except ThawlineError as error:
        _say_error(f"{function.__name__}: {error}")
        sys.exit(error.exit_code)
    except KeyboardInterrupt:
        sys.exit(130)
    except Exception as error:  # noqa: BLE001  # a defect: its traceback goes to the log, the path to the person
        if full := full_disk(error):
            _say_error(f"{function.__name__}: {full}")
            sys.exit(full.exit_code)
        log = Path(".thawline") / "logs" / f"{function.__name__}.log"
        files.write_text(log, traceback.format_exc())
        _say_error(f"{function.__name__}: a defect of Thawline; the traceback lies in {log}.")
        sys.exit(1)


def _run(function: StageFunction, root: Path) -> None:
    os.environ.setdefault("NO_ALBUMENTATIONS_UPDATE", "1")
    # Threads that wait by spinning train four times slower beside another busy process.
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    name = function.__name__
    stage = spec(name, root)
    params = load_params(params_model(function), root / "params" / f"{name}.yaml")
    arguments = _arguments(function, stage, root)
    started = time.monotonic()
    work = arguments.get("work")
    if isinstance(work, Work):
        work.events.emit("started", stage=name)
    function(params, **arguments)
    if isinstance(work, Work):
        work.events.emit("finished", stage=name, seconds=time.monotonic() - started)


def _arguments(function: StageFunction, stage: Spec, root: Path) -> dict[str, Path | Work]:
    """The paths a stage's signature names, made ready, and its work folder."""
    paths = stage.paths()
    arguments: dict[str, Path | Work] = {}
    for name, kind in argument_kinds(function).items():
        if kind == "work":
            arguments[name] = _work(stage, root)
            continue
        if name not in paths:
            raise UsageError(
                f"dvc.yaml: `{stage.name}` needs a file named {name!r} among its deps and outs, "
                f"but has {sorted(paths)}."
            )
        path = root / paths[name]
        if kind == "in" and not path.exists():
            raise UsageError(f"{paths[name]} is missing. Build what makes it: dvc repro")
        if kind == "out":
            path.parent.mkdir(parents=True, exist_ok=True)
        arguments[name] = path
    return arguments


def argument_kinds(function: StageFunction) -> dict[str, Literal["in", "out", "work"]]:
    """The keyword arguments of a stage and what each is."""
    kinds: dict[object, Literal["in", "out", "work"]] = {In: "in", Out: "out", Work: "work"}
    hints = get_type_hints(function)
    keywords = [
        name
        for name, parameter in inspect.signature(function).parameters.items()
        if parameter.kind is inspect.Parameter.KEYWORD_ONLY
    ]
    return {name: kinds[hints[name]] for name in keywords}


def _work(stage: Spec, root: Path) -> Work:
    folder = work_folder(stage, root)
    folder.mkdir(parents=True, exist_ok=True)
    os.utime(folder)
    files.write_text(folder.parent / "current", folder.name + "\n")
    for old in sorted(_folders(folder.parent), key=_modified)[:-KEPT_WORK_FOLDERS]:
        shutil.rmtree(old)
    return Work(folder, root / ".thawline" / "cache", Events(folder / "events.jsonl"))


def _folders(parent: Path) -> list[Path]:
    return [path for path in parent.iterdir() if path.is_dir()]


def _modified(path: Path) -> float:
    return path.stat().st_mtime


def _content(path: Path) -> object:
    """A file's digest, or the digests of a folder's files by their relative names."""
    if path.is_dir():
        inside = sorted(file for file in path.rglob("*") if file.is_file())
        return {file.relative_to(path).as_posix(): files.sha256(file) for file in inside}
    if not path.exists():
        raise UsageError(f"{path} is missing. Build what makes it: dvc repro")
    return files.sha256(path)


def _path_of(item: str | dict[str, Any]) -> str:
    return item if isinstance(item, str) else next(iter(item))


def _sentence(model: type[BaseModel], error: Any, path: Path) -> str:  # noqa: ANN401  # pydantic's own
    """One broken rule as a sentence: where, the rule, the value, the remedy."""
    place = ".".join(str(part) for part in error["loc"])
    where = f"params/{path.name}: {place}" if place else f"params/{path.name}"
    if error["type"] == "extra_forbidden":
        return f"{where} is no parameter.{_nearest(model, error['loc'])}"
    if error["type"] == "missing":
        return f"{where} is missing. Restore the line: git diff params/{path.name}"
    rule = error["msg"].removeprefix("Value error, ").removeprefix("Input should be ")
    if error["msg"].startswith("Input should be "):
        rule = f"has to be {rule}"
    return f"{where} {rule}, but is {error['input']!r}."


def _nearest(model: type[BaseModel], location: tuple[int | str, ...]) -> str:
    from difflib import get_close_matches

    for part in location[:-1]:
        field_ = model.model_fields.get(str(part))
        inner = field_.annotation if field_ else None
        if not (isinstance(inner, type) and issubclass(inner, BaseModel)):
            return ""
        model = inner
    near = get_close_matches(str(location[-1]), model.model_fields, n=1)
    if near:
        return f" Did you mean `{near[0]}`?"
    return f" There are: {', '.join(model.model_fields)}."


def _leave(number: int, _frame: FrameType | None) -> None:
    """End through the stack, so that a write under way ends whole; nothing is printed."""
    sys.exit(128 + number)


def _die_with_parent() -> None:
    """Have Linux end this stage when the `dvc` that started it is killed: no orphan goes on."""
    if sys.platform == "linux":
        import ctypes

        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGTERM)


def _say_error(text: str) -> None:
    sys.stdout.flush()
    print(f"error: {text}", file=sys.stderr, flush=True)
