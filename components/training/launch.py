"""The final training in one process or in several, which `accelerate launch` starts."""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch

from components.frame import files
from components.frame.errors import DataError, ThawlineError, UnreachableError, UsageError
from components.frame.stage import die_with_parent
from components.frame.work import Work
from components.model.device import choose_device
from components.training.final import TrainRequest, fine_tune
from components.training.inputs import Inputs
from components.training.outcome import TrainOutputs
from components.training.rank import FAILURE, REQUEST
from components.training.recipe import Best
from components.training.step import FEWEST_ROWS

FOLDER = "processes"
"""In the work folder: what the processes are asked for, and what they say."""
LOG = "log.txt"
KINDS: dict[int, type[ThawlineError]] = {
    kind.exit_code: kind for kind in (UsageError, DataError, UnreachableError)
}


def train(
    inputs: Inputs,
    outputs: TrainOutputs,
    best: Path,
    work: Work,
    *,
    processes: int,
    **asked: Any,  # noqa: ANN401  # for `TrainRequest`, as `TrainParams` has checked them
) -> None:
    """Fine-tune in so many processes, each on a slice of every batch.

    Raises:
        UsageError: there are not as many GPUs, or a slice is too small.
        UnreachableError: one of the processes has died; the others are ended with it.
    """
    if processes == 1:
        fine_tune(inputs, outputs, best, work, TrainRequest(**asked))
        return
    device = choose_device(asked["device"])
    _check(processes, device, Best.read(best))
    inputs.opened("train", work)  # decoded once, for all of them to find
    folder = work.folder / FOLDER
    request = {
        "inputs": _texts(inputs),
        "outputs": _texts(outputs),
        "best": str(best),
        "work": {"folder": str(work.folder), "cache": str(work.cache)},
        "events": str(work.events.path),
        "asked": asked | {"device": device.type},
    }
    files.write_json(folder / REQUEST, request)
    (folder / FAILURE).unlink(missing_ok=True)
    print(f"{processes} processes train together", flush=True)
    _run(processes, folder)


def _check(processes: int, device: torch.device, chosen: Best) -> None:
    if device.type == "mps":
        raise UsageError(
            f"params/train.yaml: processes must be 1 on mps, which has one GPU, but is {processes}."
        )
    if device.type == "cuda" and processes > torch.cuda.device_count():
        raise UsageError(
            "params/train.yaml: processes must be at most the number of GPUs, "
            f"{torch.cuda.device_count()}, but is {processes}."
        )
    fewest = FEWEST_ROWS * processes * chosen.setting.accumulation
    if chosen.batch_size < fewest:
        raise UsageError(
            f"params/train.yaml: processes must leave {FEWEST_ROWS} images or more to each, and to "
            f"each of its {chosen.setting.accumulation} parts, but {processes} of a batch of "
            f"{chosen.batch_size} do not. Lower it, or raise search.batch_size."
        )


def _texts(paths: Inputs | TrainOutputs) -> dict[str, str]:
    return {name: str(path) for name, path in asdict(paths).items()}


def _run(processes: int, folder: Path) -> None:
    with (folder / LOG).open("wb") as log, _launched(processes, folder, log) as launcher:
        code = launcher.wait()
    if code:
        raise _failure(processes, folder)


@contextmanager
def _launched(processes: int, folder: Path, log: Any) -> Iterator["subprocess.Popen[bytes]"]:  # noqa: ANN401  # an open file
    """The launcher; however this ends, it is ended, and it ends the processes."""
    threads = max(1, torch.get_num_threads() // processes)
    launcher = subprocess.Popen(
        _command(processes, folder),
        stderr=log,
        env={"OMP_NUM_THREADS": str(threads)} | os.environ,
        preexec_fn=die_with_parent,  # noqa: PLW1509  # one system call, before any thread is there
    )
    try:
        yield launcher
    finally:
        launcher.terminate()
        launcher.wait()


def _command(processes: int, folder: Path) -> list[str]:
    """Of `accelerate launch`; with a file of our own, or the person's own defaults would count."""
    config = {
        "compute_environment": "LOCAL_MACHINE",
        "distributed_type": "MULTI_GPU",  # on a CPU too: several processes on this machine
        "num_machines": 1,
        "num_processes": processes,
        "main_process_port": 0,  # a free one
        "use_cpu": False,
        "debug": False,
    }
    files.write_yaml(folder / "accelerate.yaml", config)
    options = ["--config_file", str(folder / "accelerate.yaml"), "--mixed_precision", "no"]
    launch = [sys.executable, "-m", "accelerate.commands.launch", *options]
    return [*launch, "-m", "components.training.rank", str(folder)]


def _failure(processes: int, folder: Path) -> Exception:
    """What one of the processes said of its end, or that it said nothing."""
    if not (folder / FAILURE).exists():
        return UnreachableError(
            f"The {processes} processes that train together must live on, but one has died, and "
            f"the others were ended. Memory may have run out; {folder / LOG} holds what they said. "
            "Run again: what was finished is kept; or lower train.processes."
        )
    failure = files.read_json(folder / FAILURE)
    kind = KINDS.get(failure["exit_code"], RuntimeError)
    return kind(failure["text"])
