"""Kept activations that are augmented themselves, against kept views and against no cache.

    python benchmarks/tensor_augmentation.py --data PATH --weights FILE --size 64 --limit 1000
    python benchmarks/tensor_augmentation.py ... --layer blocks.8 --backbone-rate 0.03

images  every epoch augments the images anew, and nothing is kept
views   two augmented views of each image are kept, and epochs take turns: what the search does
tensor  one view is kept, of the images as they are; its activations are mirrored, shifted and
        given noise anew in every epoch

Each is trained at one setting with the same seeds. Accuracy is over all images that are not trained
on, the standard error over the seeds; compute is CPU-seconds of a training, filling the cache left
out.
"""

import argparse
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

import torch
from torch import Tensor

from benchmarks.cases import Case, add_options_of_one, bring, make_case
from benchmarks.fits import fitted, plan_of, unheard
from benchmarks.map import few, judged_by_the_rest
from components.data.batch import Batch
from components.frame.seeds import derived_seed
from components.model.groups import resolve
from components.study.trial_inputs import Reuse
from components.training.feed import FeatureFeed, ImageFeed
from components.training.recipe import Recipe, Setting
from components.training.validate import validate

CPU = torch.device("cpu")
NOISE = 0.1
"""Standard deviation of the noise, as a fraction of the activations' own."""
SHIFT = 0.1
"""By which a map is shifted each way at most, as a fraction of its side; one place at the least."""
ARMS = ("images", "views", "tensor")


@dataclass(frozen=True, kw_only=True)
class TensorFeed(FeatureFeed):
    """Kept activations, augmented as tensors."""

    def training(self, epoch: int) -> Iterator[Batch]:
        """The batches of an epoch, each image changed anew."""
        drawn = torch.Generator().manual_seed(derived_seed(self.seed, epoch, 7))
        for batch in super().training(epoch):
            yield Batch(augmented(batch.inputs, drawn), batch.targets)


def augmented(kept: Tensor, drawn: torch.Generator) -> Tensor:
    """Activations (n, C, H, W) or tokens (n, 1 + H * W, C), each image mirrored, shifted, noisy.

    Vectors (n, C) have noise alone.
    """
    if kept.ndim == 4:  # noqa: PLR2004  # maps
        changed = torch.stack([moved(one, drawn) for one in kept])
    elif kept.ndim == 3:  # noqa: PLR2004  # tokens, the first of the class
        side = round((kept.shape[1] - 1) ** 0.5)
        maps = kept[:, 1:].transpose(1, 2).reshape(len(kept), -1, side, side)
        places = torch.stack([moved(one, drawn) for one in maps])
        changed = torch.cat([kept[:, :1], places.flatten(2).transpose(1, 2)], 1)
    else:
        changed = kept
    noise = torch.randn(changed.shape, generator=drawn) * (NOISE * kept.std())
    return (changed + noise).contiguous(memory_format=layout(kept))


def moved(one: Tensor, drawn: torch.Generator) -> Tensor:
    """A map (C, H, W), mirrored at every second time and shifted; its border is repeated."""
    mirrored = one.flip(2) if torch.rand((), generator=drawn) < 0.5 else one  # noqa: PLR2004  # half
    side = one.shape[-1]
    most = max(1, round(SHIFT * side))
    down, right = torch.randint(0, 2 * most + 1, (2,), generator=drawn).tolist()
    edged = torch.nn.functional.pad(mirrored[None], (most,) * 4, mode="replicate")[0]
    return edged[:, down : down + side, right : right + side]


def layout(kept: Tensor) -> torch.memory_format:
    """As the network has it."""
    channels = kept.ndim == 4 and kept.is_contiguous(memory_format=torch.channels_last)  # noqa: PLR2004  # maps
    return torch.channels_last if channels else torch.contiguous_format


class Arms:
    """One case, and the ways to train on it."""

    def __init__(self, asked: argparse.Namespace, case: Case) -> None:
        self.asked, self.case = asked, replace(case, images=judged_by_the_rest(case, case.images))
        self.kept = {
            name: Reuse(
                case.pretrained,
                self.case.images,
                plan_of(
                    case.pretrained,
                    strategy="staged",
                    max_trials=1,
                    compute=1.0,
                    epochs=asked.epochs,
                    rates=(1e-6, 1.0),
                    enqueued=(),
                    views=2 if name == "views" else 1,
                    cache_bytes=2**34,
                    cache_precision="float32",
                    seed=0,
                    precision="off",
                ),
                case.folder / name,
                CPU,
            )
            for name in ("views", "tensor")
        }

    def run(self, arm: str, seed: int) -> tuple[float, float]:
        """Accuracy and CPU-seconds of one training."""
        asked = self.asked
        setting = Setting(
            freeze_depth=resolve(self.case.pretrained.groups, asked.layer),
            learning_rate=asked.rate,
            backbone_rate=asked.backbone_rate,
            magnitude=0 if arm == "tensor" else 1,
        )
        reuse = self.kept["tensor" if arm == "tensor" else "views"]
        model = reuse.model(setting, seed)
        inputs = reuse.inputs(model, setting, seed)
        kept = inputs.feed
        if not isinstance(kept, FeatureFeed):
            raise SystemExit(f"{asked.layer} is not cached: {inputs.why}")
        feed: FeatureFeed | ImageFeed = kept
        if arm == "tensor":
            feed = TensorFeed(**{name: getattr(kept, name) for name in vars(kept)})
        if arm == "images":
            feed = ImageFeed(
                images=replace(self.case.images, val=few(self.case.images)),
                batch_size=kept.batch_size,
                magnitude=1,
                seed=seed,
                workers=0,
            )
        recipe = Recipe(
            setting=setting, epochs=asked.epochs, patience=asked.epochs, seed=seed, precision="off"
        )
        forward = None if arm == "images" else inputs.forward
        begun = time.process_time()
        fitted(self.case, model, feed, recipe, device=CPU, on_epoch=unheard, forward=forward)
        seconds = time.process_time() - begun
        reached = validate(
            model,
            kept.validation(),
            self.case.images.task,
            device=CPU,
            forward=inputs.forward,
            size=kept.batch_size,
        )
        return reached.score, seconds


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    add_options_of_one(parser, limit=1000)
    parser.add_argument("--layer", required=True, help="the first that trains")
    parser.add_argument("--epochs", type=int, default=6)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--rate", type=float, default=3e-3, help="of the head")
    parser.add_argument("--backbone-rate", type=float, default=1.0, help="factor below it")
    parser.add_argument("--arms", nargs="+", default=ARMS, choices=ARMS)
    asked = parser.parse_args()
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        brought = bring(asked.data, folder, asked.limit)
        report(Arms(asked, make_case(brought, asked.weights, asked.size, folder, mirror=True)))


def report(arms: Arms) -> None:
    """A line a training, then a table."""
    found: dict[str, list[tuple[float, float]]] = {arm: [] for arm in arms.asked.arms}
    for seed in range(arms.asked.seeds):
        for arm in arms.asked.arms:
            found[arm].append(arms.run(arm, seed))
            print(f"seed {seed} {arm}: {found[arm][-1][0]:.3f}", flush=True)
    print("| trained on | accuracy | standard error | compute, s |\n|---|---|---|---|")
    for arm, runs in found.items():
        scores, seconds = zip(*runs, strict=True)
        spread = statistics.stdev(scores) / len(scores) ** 0.5 if len(scores) > 1 else 0.0
        mean = statistics.mean(scores)
        print(f"| {arm} | {mean:.4f} | {spread:.4f} | {statistics.mean(seconds):.1f} |")


if __name__ == "__main__":
    main()
