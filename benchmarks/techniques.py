"""Each technique on and off at equal compute: what it brings, and what it costs.

    python benchmarks/techniques.py --data PATH --weights FILE --size 64 --learn 1000
    python benchmarks/techniques.py --data A B C --only ema mixup --seeds 3

Off is the plain recipe: the whole network, AdamW at 1e-3, cosine, light augmentation. On differs in
one line. A technique whose epoch takes longer has as many epochs fewer, by CPU-seconds of one epoch
of each. What is compared is accuracy on the test split, seed by seed; the standard error is that of
the mean difference.
"""

import argparse
import json
import statistics
import sys
import tempfile
import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1]))

import torch
from torch import nn

from benchmarks import variants
from benchmarks.cases import Case, bring, make_case
from benchmarks.fits import BATCH, COMPUTE, fitted, score_on_test
from components.training.feed import ImageFeed
from components.training.probe import fit_head
from components.training.recipe import Recipe, Setting
from components.training.samplers import Sampling

CPU = torch.device("cpu")
PLAIN = Setting(freeze_depth=0, learning_rate=1e-3)
ON: dict[str, dict[str, Any]] = {
    "head_start probe (LP-FT)": {"head_start": "probe"},
    "layer_decay 0.8": {"layer_decay": 0.8},
    "backbone_rate 0.3": {"backbone_rate": 0.3},
    "optimizer sgd, rate 1e-2": {"optimizer": "sgd", "learning_rate": 1e-2},
    "schedule one_cycle": {"schedule": "one_cycle"},
    "schedule constant": {"schedule": "constant"},
    "weight_decay 0.3": {"weight_decay": 0.3},
    "l2_sp 0.01": {"l2_sp": 0.01},
    "l1 1e-5": {"l1": 1e-5},
    "clip_norm 1": {"clip_norm": 1.0},
    "batch_norm frozen": {"batch_norm": "frozen"},
    "freeze_depth 1 (the stem)": {"freeze_depth": 1},
    "tuning norms": {"tuning": "norms"},
    "tuning bitfit": {"tuning": "bitfit"},
    "surgical first": {"surgical": "first"},
    "surgical last": {"surgical": "last"},
    "lora_rank 8": {"lora_rank": 8},
    "phases lp_ft": {"phases": "lp_ft"},
    "phases progressive": {"phases": "progressive"},
    "head_layers 256": {"head_layers": "256"},
    "head_dropout 0.3": {"head_dropout": 0.3},
    "stochastic_depth 0.1": {"stochastic_depth": 0.1},
    "ema 0.998": {"ema": 0.998},
    "label_smoothing off": {"label_smoothing": 0.0},
    "magnitude 2": {"magnitude": 2},
    "magnitude 3": {"magnitude": 3},
    "mixup 0.2": {"mixup": 0.2},
    "cutmix 1": {"cutmix": 1.0},
    "erasing 0.25": {"erasing": 0.25},
    "loss focal": {"loss": "focal"},
    "class_weights balanced": {"class_weights": "balanced"},
    "sampling balanced": {"sampling": "balanced"},
    "curriculum 0.5": {"curriculum": 0.5},
}
"""What differs from the plain recipe."""


@dataclass(frozen=True, kw_only=True)
class Difference:
    """What a technique brought on one set."""

    technique: str
    data: str
    gain: float
    """In accuracy, 0 to 1, the mean over seeds."""
    error: float
    """Its standard error."""
    epochs: int
    """That it had in the compute of the plain recipe's."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", nargs="+", default=["digits"], help="as benchmarks/contest.py")
    parser.add_argument("--weights", default="package", help="package or a file")
    parser.add_argument("--size", type=int, default=48, help="side of the images, pixels")
    parser.add_argument("--learn", type=int, help="images to learn from at most; test stays")
    parser.add_argument("--epochs", type=int, default=10, help="of the plain recipe")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--only", nargs="+", help="words that a technique's name begins with")
    parser.add_argument("--json", action="store_true", help="one JSON object as the last line")
    asked = parser.parse_args()
    torch.set_num_threads(1)
    found = [one for data in asked.data for one in compared(asked, data)]
    print(table(found))
    if asked.json:
        print(json.dumps([vars(one) for one in found]))


def compared(asked: argparse.Namespace, data: str) -> list[Difference]:
    """All techniques on one set."""
    with tempfile.TemporaryDirectory() as name:
        kind, path = variants.named(data)
        brought = bring(path, Path(name), limit=sys.maxsize)
        brought = variants.fewer(brought, asked.learn) if asked.learn else brought
        case = make_case(variants.changed(kind, brought), asked.weights, asked.size, Path(name))
        seconds, _ = run(case, PLAIN, 1, seed=0)
        seeds = range(asked.seeds)
        plain = [run(case, PLAIN, asked.epochs, seed=seed)[1] for seed in seeds]
        chosen = {
            name: changes
            for name, changes in ON.items()
            if not asked.only or any(name.startswith(word) for word in asked.only)
        }
        return [
            difference(case, data, name, changes, seconds, plain, asked.epochs)
            for name, changes in chosen.items()
        ]


def difference(
    case: Case,
    data: str,
    name: str,
    changes: Mapping[str, Any],
    seconds: float,
    plain: list[float],
    epochs: int,
) -> Difference:
    """One technique against the plain recipe, whose epoch takes so many seconds."""
    setting = replace(PLAIN, **changes)
    own, _ = run(case, setting, 1, seed=0)
    fitting = max(1, min(epochs, round(epochs * seconds / own)))
    scores = [run(case, setting, fitting, seed=seed)[1] for seed in range(len(plain))]
    gains = [on - off for on, off in zip(scores, plain, strict=True)]
    error = statistics.stdev(gains) / len(gains) ** 0.5 if len(gains) > 1 else 0.0
    found = Difference(
        technique=name,
        data=data,
        gain=statistics.mean(gains),
        error=error,
        epochs=fitting,
    )
    print(f"{data} {name}: {found.gain:+.4f} ({error:.4f}), {fitting} epochs", flush=True)
    return found


def run(case: Case, setting: Setting, epochs: int, *, seed: int) -> tuple[float, float]:
    """CPU-seconds of a training, and its accuracy on the test images."""
    begun = time.process_time()
    model = case.pretrained.network(seed)
    if setting.head_start == "probe":
        fit_head(model, case.images, COMPUTE).put(model)
    feed = ImageFeed(
        images=case.images,
        batch_size=BATCH,
        magnitude=setting.magnitude,
        seed=seed,
        workers=0,
        sampling=Sampling.of(setting, epochs, lambda: losses(case, model)),
    )
    recipe = Recipe(setting=setting, epochs=epochs, patience=epochs, seed=seed)
    fitted(case, model, feed, recipe, device=CPU, on_epoch=lambda *_: False)
    return time.process_time() - begun, score_on_test(case, model, CPU)


def losses(case: Case, model: nn.Module) -> Any:  # noqa: ANN401  # as `difficulty` has it
    """What a curriculum goes by."""
    from components.training.difficulty import image_losses

    return image_losses(model, case.images.train, COMPUTE)


def table(found: list[Difference]) -> str:
    """A line a technique, a column a set; then the mean over sets."""
    sets = list(dict.fromkeys(one.data for one in found))
    lines = [f"| technique | {' | '.join(sets)} | mean |", "|---" * (len(sets) + 2) + "|"]
    for name in dict.fromkeys(one.technique for one in found):
        own = {one.data: one for one in found if one.technique == name}
        cells = [f"{own[data].gain:+.3f} ({own[data].error:.3f})" for data in sets]
        mean = statistics.mean(one.gain for one in own.values())
        lines.append(f"| {name} | {' | '.join(cells)} | {mean:+.3f} |")
    return "\n".join(lines)


if __name__ == "__main__":
    main()
