"""Pretrained weights against random ones, by freeze depth: the same training, the same rates.

    python benchmarks/pretrained.py                          the digits
    python benchmarks/pretrained.py --data PATH --size 64 --limit 900

Every freeze depth is tried at every rate; the table shows the best validation accuracy of each
freeze depth and the test accuracy of that same network, mean and standard error over the seeds.
"""

import argparse
import statistics
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

import torch
from cases import bring, splits_of, transform_of, weights_of

from components.data.images.dataset import Split
from components.training.feed import ImageFeed
from components.training.fit import fit
from components.training.images import Images
from components.training.pretrained import Pretrained
from components.training.recipe import Recipe, Setting
from components.training.validate import validate

CPU = torch.device("cpu")


def attempt(
    pretrained: Pretrained,
    images: Images,
    test: Split,
    freeze_depth: int,
    rate: float,
    seed: int,
    epochs: int,
    keep: Path,
) -> tuple[float, float]:
    """Validation and test accuracy after training from `freeze_depth` on."""
    model = pretrained.network(seed)
    setting = Setting(freeze_depth=freeze_depth, learning_rate=rate)
    recipe = Recipe(setting=setting, epochs=epochs, patience=epochs, seed=seed)
    feed = ImageFeed(images=images, batch_size=32, magnitude=1, seed=seed, workers=0)
    keep.unlink(missing_ok=True)
    done = fit(
        model,
        pretrained.groups,
        feed,
        images.task,
        recipe,
        device=CPU,
        keep=keep,
        keep_best=False,
        on_epoch=lambda *_: False,
    )
    reached = validate(model, test.batches(64), images.task, device=CPU)
    return done.history[-1].validation_score, reached.score


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", default="digits")
    parser.add_argument("--size", type=int, default=48)
    parser.add_argument("--limit", type=int, default=1000)
    parser.add_argument("--epochs", type=int, default=4)
    parser.add_argument("--seeds", type=int, default=2)
    parser.add_argument("--rates", type=float, nargs="+", default=[1e-3, 5e-3])
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        table = bring(asked.data, folder, asked.limit)
        print(f"\n{asked.data}, {asked.size} px, {asked.epochs} epochs, {asked.seeds} seeds")
        print("| trained from | fraction | pretrained: val | test | random: val | test |")
        print("|---|---|---|---|---|---|")
        lines: dict[int, list[str]] = {}
        for source in ("package", "none"):
            model, config = weights_of(source, folder)
            transform = transform_of(config, asked.size)
            images, test = splits_of(table, folder, transform)
            pretrained = Pretrained.read(model, config, images.task.outputs, asked.size)
            last = len(pretrained.groups) - 1
            for freeze_depth in sorted({0, last // 3, 2 * last // 3, last - 1, last}):
                tried = []
                for rate in asked.rates:
                    scores = [
                        attempt(
                            pretrained,
                            images,
                            test,
                            freeze_depth,
                            rate,
                            seed,
                            asked.epochs,
                            folder / "keep.safetensors",
                        )
                        for seed in range(asked.seeds)
                    ]
                    tried.append(scores)
                best = max(tried, key=lambda found: statistics.mean(v for v, _ in found))
                title = (
                    f"{pretrained.layers[freeze_depth]} | {pretrained.fractions[freeze_depth]:.1%}"
                )
                lines.setdefault(freeze_depth, [title])
                lines[freeze_depth] += [spread([v for v, _ in best]), spread([t for _, t in best])]
        for cells in lines.values():
            print("| " + " | ".join(cells) + " |")


def spread(values: list[float]) -> str:
    """Mean and, of several seeds, its standard error."""
    mean = statistics.mean(values)
    if len(values) < 2:  # noqa: PLR2004  # one seed has no spread
        return f"{mean:.3f}"
    return f"{mean:.3f} ± {statistics.stdev(values) / len(values) ** 0.5:.3f}"


if __name__ == "__main__":
    main()
