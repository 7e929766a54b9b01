"""What a GPU must show, in one short run: precision, freezing, cache, speed, and a small search.

    make gpu-check                                    CUDA, a ViT-S/14 at 224 px, under ten minutes
    python benchmarks/gpu_check.py --data PATH --weights FILE
    python benchmarks/gpu_check.py --device cpu --size 56 --limit 60       a rehearsal without one

It needs torch 2.x, timm, albumentations, optuna, scikit-learn, pandas with pyarrow, ruamel.yaml and
safetensors, but no network, no DVC, MLflow or Prefect. Without --weights the network starts from
random ones: what is timed is the same, and scores mean nothing. A line says for each check what was
found; where one fails the exit code is 1.
"""

import argparse
import json
import sys
import tempfile
import time
from argparse import Namespace
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1]))

import optuna
import timm
import torch
from safetensors.torch import save_file
from torch import Tensor, nn

from benchmarks.cases import Case, add_options, bring, make_case
from benchmarks.fits import BATCH, plan_of, train
from benchmarks.search import Searches
from components.frame.errors import UsageError
from components.model.device import autocast, choose_device, described
from components.study.runner import Runner, forget
from components.study.trial import Asked
from components.study.trial_inputs import Reuse
from components.training.feed import ImageFeed
from components.training.recipe import Setting

ARCHITECTURE = "vit_small_patch14_dinov2"
NEAR = 0.05
"""By which a cached trial's score may differ from an uncached one's: on CUDA sums have no order."""
LATER = 3
"""Batches after which a speed is measured: the first ones set things up."""

Found = tuple[bool, str, dict[str, Any]]
"""Whether a check is passed, a sentence, and figures."""


@dataclass(frozen=True)
class Bench:
    """What is checked on."""

    case: Case
    device: torch.device
    asked: Namespace

    @property
    def half(self) -> int:
        """A freeze depth in the middle of the network."""
        return len(self.case.pretrained.groups) // 2

    def setting(self, freeze_depth: int) -> Setting:
        """One that any network learns at."""
        return Setting(freeze_depth=freeze_depth, learning_rate=1e-3, backbone_rate=0.1)

    def reuse(self, name: str, cache_bytes: int) -> Reuse:
        """A search's network and cache, the cache empty."""
        plan = plan_of(
            self.case.pretrained,
            strategy="staged",
            max_trials=1,
            compute=1.0,
            epochs=2,
            rates=(1e-5, 1e-2),
            enqueued=(),
            views=1,
            cache_bytes=cache_bytes,
            cache_precision="float32",
            seed=0,
            precision="auto",
        )
        return Reuse(
            self.case.pretrained, self.case.images, plan, self.case.folder / name, self.device
        )


def precision(bench: Bench) -> Found:
    """Layers answer in bfloat16 where the device has it, and weights stay float32."""
    name, kind = described(bench.device, "auto")
    seen: set[torch.dtype] = set()

    def note(module: nn.Module, _: Any, output: Any) -> None:  # noqa: ANN401  # as torch has it
        if isinstance(module, nn.Linear | nn.Conv2d) and module.training:
            seen.add(output.dtype)

    hook = nn.modules.module.register_module_forward_hook(note)
    try:
        model, _ = train(
            bench.case, bench.setting(bench.half), epochs=1, seed=0, device=bench.device
        )
    finally:
        hook.remove()
    kept = {value.dtype for value in model.parameters()}
    expected = torch.bfloat16 if kind == "bfloat16" else torch.float32
    passed = seen == {expected} and kept == {torch.float32}
    return passed, f"{name}: layers answer in {kind}, weights are float32", {"precision": kind}


def freezing(bench: Bench) -> Found:
    """What is frozen is that of the start to the bit, and what is not has moved."""
    pretrained = bench.case.pretrained
    before = pretrained.network(0).state_dict()
    model, _ = train(bench.case, bench.setting(bench.half), epochs=1, seed=0, device=bench.device)
    after = {name: value.cpu() for name, value in model.state_dict().items()}
    frozen = {name for group in pretrained.groups[: bench.half] for name in group.parameters}
    own = {name for group in pretrained.groups for name in group.parameters}
    moved = {name for name in own if not torch.equal(before[name], after[name])}
    passed = bool(moved) and not moved & frozen
    sentence = f"{len(frozen)} frozen parameters are unmoved, {len(moved)} of the others moved"
    return passed, sentence, {"frozen": len(frozen), "moved": len(moved)}


def cache(bench: Bench) -> Found:
    """A trial from kept activations reaches what one from the images does, in less time."""
    seconds, outcomes = [], []
    asked = Asked(setting=bench.setting(bench.half), origin="rule", stage="full", epochs=2)
    for name, room in (("images", 0), ("cache", 2**36)):
        reuse, ends = bench.reuse(name, room), [0.0]

        def on_epoch(*_: object, ends: list[float] = ends) -> bool:
            ends.append(clock(bench.device))
            return False

        keep = bench.case.folder / f"{name}.safetensors"
        runner = Runner(reuse.plan, reuse, bench.device)
        outcomes.append(runner.run(0, asked, (), keep, on_epoch))
        forget(keep)
        seconds.append(ends[-1] - ends[-2])
    scores = [outcome.history[-1].validation_score for outcome in outcomes]
    passed = outcomes[1].cached and abs(scores[0] - scores[1]) <= NEAR
    ratio = seconds[0] / seconds[1]
    sentence = (
        f"an epoch behind group {bench.half} takes {seconds[1]:.2f} s from the cache, {ratio:.1f} "
        f"times less than from the images; scores {scores[1]:.3f} and {scores[0]:.3f}"
    )
    return passed, sentence, {"cache_ratio": ratio, "scores": scores}


def speed(bench: Bench) -> Found:
    """Images a second while the whole network trains, and the share of it that waits for data."""
    feed = ImageFeed(
        images=bench.case.images,
        batch_size=BATCH,
        magnitude=1,
        seed=0,
        workers=bench.asked.workers,
    )
    model = bench.case.pretrained.network(0).to(bench.device)
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-5)
    waited = worked = 0.0
    images, batches = 0, batches_of(feed)
    for place in range(2 * feed.steps()):
        begun = clock(bench.device)
        inputs, targets = next(batches)
        there = clock(bench.device)
        step(model, optimizer, inputs.to(bench.device), targets.to(bench.device))
        if place >= min(LATER, feed.steps() - 1):
            waited, worked = waited + there - begun, worked + clock(bench.device) - there
            images += len(inputs)
    share = waited / (waited + worked)
    rate = images / (waited + worked)
    sentence = (
        f"{rate:,.0f} images a second with {bench.asked.workers} workers, {share:.0%} of the time "
        "waiting for them"
    )
    return rate > 0, sentence, {"images_per_second": rate, "waiting": share}


def batches_of(feed: ImageFeed) -> Iterator[tuple[Tensor, Tensor]]:
    """The batches of two epochs."""
    for epoch in (1, 2):
        for batch in feed.training(epoch):
            yield batch.inputs, batch.targets


def step(
    model: nn.Module, optimizer: torch.optim.Optimizer, inputs: Tensor, targets: Tensor
) -> None:
    """One of training, as a fit takes it."""
    with autocast(inputs.device, "auto"):
        loss = nn.functional.cross_entropy(model(inputs), targets)
    torch.autograd.backward(loss)
    optimizer.step()
    optimizer.zero_grad(set_to_none=True)


def search(bench: Bench) -> Found:
    """A search of a few trials, and plain Optuna's of as many."""
    trials = bench.asked.trials
    asked = Namespace(
        device=bench.device.type,
        epochs=3,
        trials=trials,
        low="auto",
        high="auto",
        strategy="staged",
        compute=1.0,
        confirmations=1,
    )
    searches = Searches(asked, bench.case)
    plain, ours = (searches.measured(name, 0) for name in ("plain", "ours"))
    ratio = plain.seconds / ours.seconds
    sentence = (
        f"{trials} trials in {ours.seconds:.0f} s, plain Optuna's in {plain.seconds:.0f} s: "
        f"{ratio:.1f} times less; on test images {ours.scores[0]:.3f} and {plain.scores[0]:.3f}"
    )
    figures = {"search_ratio": ratio, "score": ours.scores[0], "score_plain": plain.scores[0]}
    return ours.trials > 0, sentence, figures


CHECKS: dict[str, Callable[[Bench], Found]] = {
    "precision": precision,
    "freezing": freezing,
    "cache": cache,
    "speed": speed,
    "search": search,
}


def clock(device: torch.device) -> float:
    """Seconds, once all that was begun is done."""
    if device.type == "cuda":
        torch.cuda.synchronize()
    return time.perf_counter()


def random_weights(folder: Path) -> Path:
    """A file of the network's weights as timm draws them."""
    torch.manual_seed(0)
    path = folder / f"{ARCHITECTURE}.safetensors"
    state = timm.create_model(ARCHITECTURE, num_classes=0).state_dict()
    save_file(state, path, metadata={"arch": ARCHITECTURE, "source": "random weights"})
    return path


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    add_options(parser, limit=800)
    parser.set_defaults(size=224)
    parser.add_argument("--weights", help="a file; else random ones of a ViT-S/14")
    parser.add_argument("--device", default="cuda", choices=("cuda", "mps", "cpu"))
    parser.add_argument("--workers", type=int, default=0, help="processes that prepare images")
    parser.add_argument("--trials", type=int, default=6)
    parser.add_argument("--only", nargs="+", default=[*CHECKS], choices=CHECKS)
    parser.add_argument("--json", action="store_true", help="one JSON object as the last line")
    asked = parser.parse_args()
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    try:
        device = choose_device(asked.device)
    except UsageError as error:
        raise SystemExit(f"{error} Or rehearse: --device cpu --size 56 --limit 60") from None
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        weights = asked.weights or str(random_weights(folder))
        case = make_case(bring(asked.data, folder, asked.limit), weights, asked.size, folder)
        train(case, Setting(freeze_depth=0, learning_rate=1e-5), epochs=1, seed=0, device=device)
        if not report(Bench(case, device, asked)):
            raise SystemExit(1)


def report(bench: Bench) -> bool:
    """Run the checks, a line each; whether all are passed."""
    figures: dict[str, Any] = {"device": described(bench.device, "auto")[0]}
    passed = True
    for name in bench.asked.only:
        good, sentence, found = CHECKS[name](bench)
        passed, figures = passed and good, figures | found
        print(f"{'passed' if good else 'FAILED'}  {name}: {sentence}", flush=True)
    if bench.asked.json:
        print(json.dumps(figures))
    return passed


if __name__ == "__main__":
    main()
