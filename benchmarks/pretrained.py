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

from benchmarks.cases import Case, add_options, bring, make_case
from benchmarks.fits import score_on_test, train
from components.training.recipe import Setting

CPU = torch.device("cpu")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    add_options(parser, limit=1000)
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
            of_source = make_case(table, source, asked.size, folder)
            for freeze_depth in freeze_depths(of_source):
                line = lines.setdefault(freeze_depth, heading(of_source, freeze_depth))
                line += best(asked, of_source, freeze_depth)
        for cells in lines.values():
            print("| " + " | ".join(cells) + " |")


def freeze_depths(case: Case) -> list[int]:
    """Nothing frozen, the last block and the head alone trained, and two between."""
    last = len(case.pretrained.groups) - 1
    return sorted({0, last // 3, 2 * last // 3, last - 1, last})


def heading(case: Case, freeze_depth: int) -> list[str]:
    """The first trained layer, and the fraction of the parameters that is trained."""
    pretrained = case.pretrained
    return [pretrained.layers[freeze_depth], f"{pretrained.fractions[freeze_depth]:.1%}"]


def best(asked: argparse.Namespace, case: Case, freeze_depth: int) -> list[str]:
    """Validation and test accuracy over the seeds, at the rate with the best on validation."""
    tried = []
    for rate in asked.rates:
        setting = Setting(freeze_depth=freeze_depth, learning_rate=rate)
        tried.append([attempt(case, setting, seed, asked.epochs) for seed in range(asked.seeds)])
    chosen = max(tried, key=lambda found: statistics.mean(value for value, _ in found))
    return [spread(values) for values in zip(*chosen, strict=True)]


def attempt(case: Case, setting: Setting, seed: int, epochs: int) -> tuple[float, float]:
    """Validation and test accuracy after a training."""
    model, done = train(case, setting, epochs=epochs, seed=seed, device=CPU)
    return done.history[-1].validation_score, score_on_test(case, model, CPU)


def spread(values: tuple[float, ...]) -> str:
    """Mean and, of several seeds, its standard error."""
    mean = statistics.mean(values)
    if len(values) < 2:  # noqa: PLR2004  # one seed has no spread
        return f"{mean:.3f}"
    return f"{mean:.3f} ± {statistics.stdev(values) / len(values) ** 0.5:.3f}"


if __name__ == "__main__":
    main()
