"""Whole jobs against fixed recipes that get the same budget, on images never seen.

    python benchmarks/contest.py --data PATH --weights FILE --size 96 --budget 20 --seeds 3 --json
    python benchmarks/contest.py --data imbalanced:PATH ...      20 : 1 from first class to last
    python benchmarks/contest.py --data small:PATH ...           10 images a class to learn from
    python benchmarks/contest.py --data noisy:PATH ...           a tenth of the labels is wrong

The budget is in epochs of training the whole network. Ours is the job as `--budget` sets it: the
search, then the final training, both inside it. Decoding is shared and counted for none; all start
from the same weights, on the same split, and know alike whether images may be mirrored. Compute is
CPU-seconds of the process on one thread, on CUDA seconds. What is compared is accuracy on the test
split, balanced accuracy where the classes are imbalanced; standard errors are over seeds.
"""

import argparse
import json
import statistics
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

import torch

from benchmarks import jobs, rivals, variants
from benchmarks.cases import Case, bring, make_case
from benchmarks.rivals import Contestant

OURS = "ours"


@dataclass(frozen=True)
class Result:
    """What one job came to."""

    seed: int
    score: float
    """On the test images, 0 to 1."""
    seconds: float


def main() -> None:
    asked = arguments()
    torch.set_num_threads(1)
    names = [OURS, *rivals.RIVALS] if asked.only is None else asked.only
    with tempfile.TemporaryDirectory() as name:
        case = prepared(asked, Path(name))
        results = run(case, names, asked)
    print(table(results))
    if asked.json:
        print(json.dumps(summary(asked, results)))


def arguments() -> argparse.Namespace:
    """What a person asks for."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", default="digits", help="digits, a folder, an archive, KIND:PATH")
    parser.add_argument("--weights", default="package", help="package or a file")
    parser.add_argument("--size", type=int, default=48, help="side of the images, pixels")
    parser.add_argument("--budget", type=int, default=20, help="epochs of the whole network")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--learn", type=int, help="images to learn from at most; test stays")
    parser.add_argument(
        "--mirror",
        action=argparse.BooleanOptionalAction,
        help="whether images may be mirrored; else all but ours mirror, and ours finds out",
    )
    parser.add_argument("--only", nargs="+", choices=[OURS, *rivals.RIVALS])
    parser.add_argument("--json", action="store_true", help="one JSON object as the last line")
    return parser.parse_args()


def prepared(asked: argparse.Namespace, folder: Path) -> Case:
    """The case that is compared on."""
    kind, path = variants.named(asked.data)
    brought = bring(path, folder, limit=sys.maxsize)
    brought = variants.fewer(brought, asked.learn) if asked.learn else brought
    brought = variants.changed(kind, brought)
    case = make_case(brought, asked.weights, asked.size, folder)
    return replace(case, balanced=kind == "imbalanced")


def run(case: Case, names: Sequence[str], asked: argparse.Namespace) -> dict[str, list[Result]]:
    """All contestants, in turns, the first place going round."""
    contestants: dict[str, Contestant] = {OURS: jobs.ours, **rivals.RIVALS}
    results: dict[str, list[Result]] = {name: [] for name in names}
    for seed in range(asked.seeds):
        turn = seed % len(names)
        for name in [*names[turn:], *names[:turn]]:
            begun = time.process_time()
            said = contestants[name](case, asked.budget, seed, mirror=asked.mirror)
            seconds = time.process_time() - begun
            score = rivals.scores(case, said)[case.balanced]
            results[name].append(Result(seed, score, seconds))
            print(f"seed {seed} {name}: {score:.4f} in {seconds:.0f} s", flush=True)
    return results


def table(results: dict[str, list[Result]]) -> str:
    """A line a contestant, the best first."""
    lines = ["| contestant | score | standard error | compute, s |", "|---|---|---|---|"]
    for name, found in sorted(results.items(), key=lambda pair: -mean(pair[1])):
        seconds = statistics.mean(one.seconds for one in found)
        lines.append(f"| {name} | {mean(found):.4f} | {error(found):.4f} | {seconds:.0f} |")
    return "\n".join(lines)


def summary(asked: argparse.Namespace, results: dict[str, list[Result]]) -> dict[str, object]:
    """What others read."""
    contestants = {
        name: {
            "score": mean(found),
            "standard_error": error(found),
            "seconds": statistics.mean(one.seconds for one in found),
        }
        for name, found in results.items()
    }
    return {
        "data": asked.data,
        "budget": asked.budget,
        "seeds": asked.seeds,
        "contestants": contestants,
    }


def mean(found: Sequence[Result]) -> float:
    """Of the scores."""
    return statistics.mean(one.score for one in found)


def error(found: Sequence[Result]) -> float:
    """The standard error of that."""
    if len(found) < 2:  # noqa: PLR2004  # one has no spread
        return 0.0
    return float(statistics.stdev(one.score for one in found) / len(found) ** 0.5)


if __name__ == "__main__":
    main()
