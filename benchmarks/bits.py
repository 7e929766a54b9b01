"""Whether the numbers are still the same, to the bit: `make bits`.

Three small trainings are run and compared with `bits.json`: the loss of every step and the SHA-256
of the weights. Floating-point sums differ between kinds of processors and versions of torch, so
each has an entry of its own; where there is none yet, that is said, and nothing is compared.

    python -m benchmarks.bits               compare
    python -m benchmarks.bits --bless       write the entry of this machine
    python -m benchmarks.bits --job         the default job up to `train` instead, in minutes
"""

import argparse
import hashlib
import platform
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import timm
import torch
from torch import Tensor

from components.data.batch import Batch
from components.data.images import augmentation as augmentations
from components.data.images.dataset import Split
from components.data.images.pixels import pixels
from components.data.images.transform import Transform
from components.frame import files
from components.model.description import PretrainedDescription
from components.study.plan import Plan
from components.study.runner import Runner
from components.study.trial import Asked
from components.study.trial_inputs import Reuse
from components.tasks.classification import Classification
from components.training.feed import ImageFeed
from components.training.fit import fit
from components.training.images import Images
from components.training.pretrained import Pretrained
from components.training.recipe import CHOICES, Recipe, Setting
from components.training.step import Stepper

ROOT = Path(__file__).parents[1]
KNOWN = Path(__file__).with_suffix(".json")
CPU = torch.device("cpu")
SIZE, BATCH, EPOCHS, CLASSES = 32, 8, 2, 3
TRAIN, VALIDATION = 40, 12
STAGES = ("ingest", "validate", "split", "base", "augment", "search", "train")
COLUMNS = ("learning_rate", "epochs", "validation_score", "validation_loss", "cost")
"""Of the default job's trials: what is compared."""


def machine() -> str:
    """What the bits depend on besides the code: kind of processor, its instructions, torch."""
    capability = torch.backends.cpu.get_cpu_capability()
    return f"{platform.machine()} {_processor()} {capability}, torch {torch.__version__}"


def _processor() -> str:
    """Vendor, family and model as Linux tells them; elsewhere what Python knows."""
    info = Path("/proc/cpuinfo")
    if not info.exists():
        return platform.processor()
    lines = (line.split(":", 1) for line in info.read_text().splitlines() if ":" in line)
    told = {key.strip(): value.strip() for key, value in reversed(list(lines))}
    return "-".join(told.get(key, "?") for key in ("vendor_id", "cpu family", "model"))


def images(folder: Path) -> Images:
    """Noise in three classes that differ in brightness."""
    rng = np.random.default_rng(0)
    drawn = rng.integers(0, 256, (TRAIN + VALIDATION, SIZE, SIZE, 3), dtype=np.uint8)
    labels = np.arange(len(drawn)) % CLASSES
    paths = [folder / f"{number:02}.png" for number in range(len(drawn))]
    for path, values, label in zip(paths, drawn, labels, strict=True):
        _write(path, (values // (label + 1)).astype(np.uint8))
    transform = Transform(size=SIZE, resize=SIZE, mean=(0.5, 0.5, 0.5), std=(0.5, 0.5, 0.5))
    names = [path.name for path in paths]
    decoded = pixels(paths, names, transform, folder / "cache", lambda *_: None)
    train, val = (
        Split(decoded, chosen, labels[chosen], transform)
        for chosen in (np.arange(TRAIN), np.arange(TRAIN, len(drawn)))
    )
    family = augmentations.family(SIZE, horizontal_flip=True)
    task = Classification(("a", "b", "c"))
    return Images(train=train, val=val, task=task, transform=transform, family=family)


def _write(path: Path, values: np.ndarray) -> None:
    import cv2

    path.write_bytes(cv2.imencode(".png", values)[1].tobytes())


def build_pretrained(folder: Path, architecture: str, **arguments: int) -> Pretrained:
    """Random weights of an architecture, as `base` would have written them."""
    torch.manual_seed(0)
    model = timm.create_model(architecture, **arguments)
    files.write_tensors(folder / "model.safetensors", dict(model.state_dict()))
    described = PretrainedDescription(
        architecture=architecture,
        arguments=arguments,
        mean=(0.5, 0.5, 0.5),
        std=(0.5, 0.5, 0.5),
        input_size=(3, SIZE, SIZE),
        fixed_input_size="img_size" in arguments,
        classes=model.num_classes,
        source="random weights",
        licence="none needed",
        sha256="",
    )
    described.write(folder / "config.json")
    return Pretrained.read(folder / "model.safetensors", folder / "config.json", CLASSES, SIZE)


def cached_cnn(folder: Path) -> str:
    """A CNN behind a freeze point, from kept activations, as a trial of the search."""
    setting = Setting(freeze_depth=4, learning_rate=3e-3)
    plan = Plan(
        strategy="staged",
        max_trials=1,
        max_minutes=None,
        compute=1.0,
        epochs=EPOCHS,
        freeze_depths=(0, 5),
        rates=(1e-4, 1e-2),
        enqueued=(),
        prune_after=0,
        confirmation_runs=1,
        views=2,
        cache_bytes=10**8,
        cache_precision="float32",
        batch_size=BATCH,
        choices={name: (getattr(setting, name),) for name in CHOICES},
        seed=0,
        precision="off",
        workers=0,
    )
    pretrained = build_pretrained(folder, "mobilenetv2_035")
    reuse = Reuse(pretrained, images(folder), plan, folder / "kept", CPU)
    asked = Asked(setting=setting, origin="rule", stage="full", epochs=EPOCHS)
    keep = folder / "trial.safetensors"
    done = Runner(plan, reuse, CPU).run(0, asked, (), keep, lambda *_: False)
    if not done.cached:
        raise RuntimeError(f"the trial must read kept activations, but: {done.why}")
    return _digest(reuse.network.model)


def whole_cnn(folder: Path) -> str:
    """A CNN trained whole from the images, with mixup and head dropout."""
    setting = Setting(
        freeze_depth=0,
        learning_rate=3e-3,
        layer_decay=0.7,
        head_dropout=0.2,
        mixup=0.2,
    )
    return _trained(folder, setting, "mobilenetv2_035")


def small_vit(folder: Path) -> str:
    """A small transformer with random weights, its embedding frozen."""
    setting = Setting(freeze_depth=1, learning_rate=1e-3, label_smoothing=0.0)
    return _trained(folder, setting, "vit_tiny_patch16_224", img_size=SIZE, depth=3)


def _trained(folder: Path, setting: Setting, architecture: str, **arguments: int) -> str:
    pretrained, seen = build_pretrained(folder, architecture, **arguments), images(folder)
    model = pretrained.network(0)
    fit(
        model,
        pretrained.groups,
        ImageFeed(images=seen, batch_size=BATCH, magnitude=1, seed=0, workers=0),
        seen.task,
        Recipe(setting=setting, epochs=EPOCHS, patience=EPOCHS, seed=0),
        device=CPU,
        keep=folder / "epoch.safetensors",
        keep_best=True,
        on_epoch=lambda *_: False,
    )
    return _digest(model)


def _digest(model: torch.nn.Module) -> str:
    """SHA-256 of every parameter and buffer, by name."""
    found = hashlib.sha256()
    for name, value in sorted(model.state_dict().items()):
        found.update(name.encode() + value.contiguous().numpy().tobytes())
    return found.hexdigest()


@contextmanager
def recorded() -> Iterator[list[float]]:
    """The loss of every step that is taken in the block."""
    losses: list[float] = []
    take = Stepper.step

    def step(self: Stepper, batch: Batch, step: int, learning_rate: float) -> tuple[Tensor, float]:
        taken = take(self, batch, step, learning_rate)
        losses.append(float(taken[0]))
        return taken

    Stepper.step = step  # type: ignore[method-assign]  # listens while it is asked to
    try:
        yield losses
    finally:
        Stepper.step = take  # type: ignore[method-assign]


def cases() -> dict[str, Any]:
    """What the three trainings end with."""
    torch.set_num_threads(1)
    found = {}
    for case in (cached_cnn, whole_cnn, small_vit):
        with tempfile.TemporaryDirectory() as folder, recorded() as losses:
            found[case.__name__] = {"weights": case(Path(folder)), "losses": losses}
    return found


def job() -> dict[str, Any]:
    """The trials and weights of the default job, built in a clone of the last commit."""
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder) / "job"
        subprocess.run(["git", "clone", "--quiet", str(ROOT), str(place)], check=True)
        for stage in STAGES:
            subprocess.run([sys.executable, "-m", f"components.{stage}"], cwd=place, check=True)
        return outcome(place / "build")


def outcome(build: Path) -> dict[str, Any]:
    """What a finished job in `build` is compared by."""
    trials = pd.read_csv(build / "search" / "trials.csv")
    rows = trials[list(COLUMNS)].to_dict("list")
    return {"trials": rows, "weights": files.sha256(build / "train" / "weights.safetensors")}


def differences(wanted: object, found: object, place: str) -> list[str]:
    """Where two nested entries differ, a line each."""
    if isinstance(wanted, dict) and isinstance(found, dict):
        keys = dict.fromkeys([*wanted, *found])
        inner = (differences(wanted.get(k), found.get(k), f"{place}/{k}") for k in keys)
        return [line for lines in inner for line in lines]
    if isinstance(wanted, list) and isinstance(found, list) and len(wanted) == len(found):
        pairs = enumerate(zip(wanted, found, strict=True))
        first = next((number for number, (a, b) in pairs if a != b), None)
        if first is None:
            return []
        return [f"{place}: first at {first}: {wanted[first]!r} is {found[first]!r} now"]
    return [] if wanted == found else [f"{place}: {wanted!r} is {found!r} now"]


def main() -> int:
    """Compare or bless; 1 where bits differ."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--bless", action="store_true", help="write the entry of this machine")
    parser.add_argument("--job", action="store_true", help="the default job instead: minutes")
    parser.add_argument("--built", type=Path, help="with --job: a finished job's build folder")
    asked = parser.parse_args()
    known = files.read_json(KNOWN) if KNOWN.exists() else {}
    part, name = ("job" if asked.job else "cases"), machine()
    run = job if asked.job else cases
    found = outcome(asked.built) if asked.built else run()
    if asked.bless:
        known.setdefault(part, {})[name] = found
        files.write_json(KNOWN, known)
        print(f"bits: written for {name}")
        return 0
    if name not in known.get(part, {}):
        print(f"bits: nothing is known of {name}, so nothing is compared. make bits BLESS=1")
        return 0
    lines = differences(known[part][name], found, part)
    print("\n".join(lines) or f"bits: {part} equal on {name}")
    return 1 if lines else 0


if __name__ == "__main__":
    sys.exit(main())
