"""One of the processes that train together: `accelerate launch -m components.training.rank FOLDER`.

The first one tells and writes; the others are silent.
"""

import os
import sys
import traceback
from datetime import timedelta
from pathlib import Path
from typing import Any

import torch

from components.frame import files
from components.frame.errors import ThawlineError, disk_fault
from components.frame.events import Events, narrator
from components.frame.stage import die_with_parent
from components.frame.work import Work
from components.training.final import TrainRequest, fine_tune
from components.training.inputs import Inputs
from components.training.outcome import TrainOutputs
from components.training.world import PartnerLostError, World

REQUEST = "request.json"
"""What is asked for."""
FAILURE = "failure.json"
"""Why a process ended early."""
PATIENCE = timedelta(days=1)
"""Of a process with another: the launcher ends it at once where one has died."""


def main(folder: Path) -> None:
    """Train as the request in a folder says; a failure is described there."""
    die_with_parent()
    try:
        _train(files.read_json(folder / REQUEST))
    except PartnerLostError:
        sys.exit(1)
    except Exception as error:  # noqa: BLE001  # the process that launched this one raises it again
        files.write_json(folder / FAILURE, _described(error))
        sys.exit(1)


def _train(request: dict[str, Any]) -> None:
    from accelerate import PartialState

    state = PartialState(cpu=request["asked"]["device"] == "cpu", timeout=PATIENCE)
    world = World(state.process_index, state.num_processes)
    folder, cache = (Path(request["work"][name]) for name in ("folder", "cache"))
    if world.first:
        events = Events(Path(request["events"]), narrator())
    else:
        sys.stdout = Path(os.devnull).open("w")  # noqa: SIM115  # until this process ends
        events = Events(Path(os.devnull))
    fine_tune(
        Inputs(**{name: Path(path) for name, path in request["inputs"].items()}),
        TrainOutputs(**{name: Path(path) for name, path in request["outputs"].items()}),
        Path(request["best"]),
        Work(folder, cache, events),
        TrainRequest(**request["asked"]),
        world=world,
    )
    torch.distributed.destroy_process_group()


def _described(error: Exception) -> dict[str, Any]:
    """An error that a person can fix as its sentence, any other one as its traceback."""
    known = error if isinstance(error, ThawlineError) else disk_fault(error)
    if known:
        return {"exit_code": known.exit_code, "text": str(known)}
    return {"exit_code": 1, "text": traceback.format_exc()}


if __name__ == "__main__":
    main(Path(sys.argv[1]))
