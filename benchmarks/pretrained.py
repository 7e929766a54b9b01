"""Pretrained weights against random ones, by freeze depth: the same training, the same rates.

    python benchmarks/pretrained.py                          the digits
    python benchmarks/pretrained.py --data PATH --size 64 --limit 900

Every depth is tried at every rate; the table shows the best validation accuracy of each depth and
the test accuracy of that same network, mean and standard error over the seeds.
"""

import argparse
import statistics
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

import torch
from cases import bring, sides, weights_of

from components.data.images.dataset import Side
from components.data.images.pictures import Pictures
from components.data.images.transform import Transform
from components.frame import files
from components.training.feed import PictureFeed
from components.training.fit import fit
from components.training.pretrained import Start
from components.training.recipe import Recipe
from components.training.score import score

CPU = torch.device("cpu")


def attempt(start: Start, pictures: Pictures, test: Side, depth: int, rate: float, seed: int,
            epochs: int, keep: Path) -> tuple[float, float]:  # fmt: skip
    """Validation and test accuracy after training from `depth` on."""
    model = start.network(seed)
    recipe = Recipe(depth, rate, 0.05, 0.1, epochs, epochs, seed)
    feed = PictureFeed(pictures, 32, 1, seed, 0)
    keep.unlink(missing_ok=True)
    done = fit(model, start.groups, feed, recipe, device=CPU, keep=keep, keep_best=False,
               on_epoch=lambda *_: False)  # fmt: skip
    return done.history[-1].validation_accuracy, score(model, test.batches(64), CPU)[1]


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
        print("| trained from | share | pretrained: val | test | random: val | test |")
        print("|---|---|---|---|---|---|")
        lines: dict[int, list[str]] = {}
        for source in ("package", "none"):
            model, config = weights_of(source, folder)
            described = files.read_json(config)
            transform = Transform(
                asked.size, asked.size, tuple(described["mean"]), tuple(described["std"])
            )
            pictures, test = sides(table, folder, transform)
            start = Start.read(model, config, len(pictures.classes), asked.size)
            last = len(start.groups) - 1
            for depth in sorted({0, last // 3, 2 * last // 3, last - 1, last}):
                tried = []
                for rate in asked.rates:
                    scores = [
                        attempt(start, pictures, test, depth, rate, seed, asked.epochs,
                                folder / "keep.safetensors")
                        for seed in range(asked.seeds)
                    ]  # fmt: skip
                    tried.append(scores)
                best = max(tried, key=lambda found: statistics.mean(v for v, _ in found))
                lines.setdefault(depth, [f"{start.layers[depth]} | {start.shares[depth]:.1%}"])
                lines[depth] += [spread([v for v, _ in best]), spread([t for _, t in best])]
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
