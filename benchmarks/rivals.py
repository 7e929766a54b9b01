"""Fixed recipes of fine-tuning, as other tools have them, in plain torch: our rivals in a contest.

Each is given a budget in epochs of training the whole network. None of them uses a line of
`components/training`: batches, the network and its test are shared, the loop is their own.
"""

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

import albumentations
import numpy as np
import torch
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from benchmarks import fastai_library
from benchmarks.cases import Case
from components.data.batch import Batch
from components.data.images.augmentation import Augmentation
from components.model.groups import groups
from components.model.head import last_layers

BATCH = 32
TEST_BATCH = 64
SMALL_CROP = 0.5
"""Fraction of the area that a crop keeps at the least, but in the recipe of timm."""
TIMM_CROP = 0.08
RATIO = (3 / 4, 4 / 3)

Schedule = Callable[[float], float]
"""From the fraction of the steps that are done to the fraction of the full rate."""
Entry = dict[str, Any]
"""Of an optimizer: parameters with their highest rate."""


class Contestant(Protocol):
    """A whole job."""

    def __call__(
        self, case: Case, budget: int, seed: int, *, mirror: bool | None
    ) -> NDArray[np.int64]:
        """The classes that the model says of the test images, shape (images,).

        Args:
            case: images and weights.
            budget: epochs of training the whole network.
            seed: of all that is drawn.
            mirror: whether training may mirror images; None: not known.
        """
        ...


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """One way to train for some epochs."""

    optimizer: Callable[[list[Entry]], torch.optim.Optimizer]
    """Over groups of parameters, each with its highest rate."""
    rate: float
    schedule: Schedule
    crop: float = SMALL_CROP
    smoothing: float = 0.0
    clip: float | None = None
    factors: Sequence[float] = field(default=(1.0,))
    """On the rate, from the stem to the head, spread over the groups of layers."""


def cosine(warm_up: float) -> Schedule:
    """A linear rise, then half a cosine to zero."""

    def at(done: float) -> float:
        if done < warm_up:
            return max(done, 1e-3) / warm_up
        return 0.5 * (1 + math.cos(math.pi * (done - warm_up) / (1 - warm_up)))

    return at


def one_cycle(rise: float = 0.25, start: float = 25.0, end: float = 1e5) -> Schedule:
    """fastai's: cosine up from a `start`th of the rate, cosine down to an `end`th."""

    def at(done: float) -> float:
        low, high, place = (
            (1 / start, 1.0, done / rise)
            if done < rise
            else (1.0, 1 / end, (done - rise) / (1 - rise))
        )
        return high + (low - high) * 0.5 * (1 + math.cos(math.pi * place))

    return at


def adamw(decay: float) -> Callable[[list[Entry]], torch.optim.Optimizer]:
    """AdamW over groups that bring their rates."""
    return lambda entries: torch.optim.AdamW(entries, weight_decay=decay)


WHOLE = Recipe(optimizer=adamw(0.05), rate=1e-3, schedule=cosine(0.1))
LP_FT = Recipe(optimizer=adamw(0.05), rate=3e-4, schedule=cosine(0.1))
"""From the head of the probe; a lower rate than that of a head that is drawn."""
LIGHTLY = Recipe(
    optimizer=adamw(0.01), rate=3e-4 * math.sqrt(BATCH / 16), schedule=cosine(0.05), clip=3.0
)
TIMM = Recipe(
    optimizer=lambda entries: torch.optim.SGD(entries, momentum=0.9, weight_decay=2e-5),
    rate=0.1 * BATCH / 256,
    schedule=cosine(0.05),
    crop=TIMM_CROP,
    smoothing=0.1,
)
"""`train.py` as it stands, but for its 300 epochs and the five of them in which the rate rises."""
FASTAI_HEAD = Recipe(optimizer=adamw(0.01), rate=2e-3, schedule=one_cycle(rise=0.99))
FASTAI = Recipe(
    optimizer=adamw(0.01),
    rate=1e-3,
    schedule=one_cycle(rise=0.3, start=5.0),
    factors=(0.01, 0.1, 1),
)
"""`fine_tune(base_lr=2e-3)`: an epoch of the head, then all from a 200th of it to half of it."""


def whole(case: Case, budget: int, seed: int, *, mirror: bool | None) -> NDArray[np.int64]:
    """The whole network from a head that is drawn small."""
    model = case.pretrained.network(seed)
    train(case, model, WHOLE, epochs=budget, seed=seed, mirror=mirror)
    return said(case, model)


def head(case: Case, budget: int, seed: int, *, mirror: bool | None) -> NDArray[np.int64]:  # noqa: ARG001  # as all
    """Logistic regression on frozen features; no part of the network is trained."""
    model = case.pretrained.network(seed)
    probe(case, model)
    return said(case, model)


def lp_ft(case: Case, budget: int, seed: int, *, mirror: bool | None) -> NDArray[np.int64]:
    """The head first, then all from there (Kumar et al., ICLR 2022)."""
    model = case.pretrained.network(seed)
    probe(case, model)
    train(case, model, LP_FT, epochs=budget, seed=seed, mirror=mirror)
    return said(case, model)


def lightly(case: Case, budget: int, seed: int, *, mirror: bool | None) -> NDArray[np.int64]:
    """LightlyTrain's recipe of fine-tuning for classification."""
    model = case.pretrained.network(seed)
    train(case, model, LIGHTLY, epochs=budget, seed=seed, mirror=mirror)
    return said(case, model)


def timm(case: Case, budget: int, seed: int, *, mirror: bool | None) -> NDArray[np.int64]:
    """Timm's `train.py` with `--pretrained`."""
    model = case.pretrained.network(seed)
    train(case, model, TIMM, epochs=budget, seed=seed, mirror=mirror)
    return said(case, model)


def fastai(case: Case, budget: int, seed: int, *, mirror: bool | None) -> NDArray[np.int64]:
    """Fastai's `fine_tune`, by the library where it is installed, else its schedule."""
    if fastai_library.is_installed():
        return fastai_library.fine_tuned(case, budget, seed, mirror=mirror)
    model = case.pretrained.network(seed)
    train(case, model, FASTAI_HEAD, epochs=1, seed=seed, mirror=mirror, frozen=True)
    train(case, model, FASTAI, epochs=max(1, budget - 1), seed=seed + 1, mirror=mirror)
    return said(case, model)


RIVALS: dict[str, Contestant] = {
    "whole": whole,
    "head": head,
    "lp_ft": lp_ft,
    "fastai": fastai,
    "lightly": lightly,
    "timm": timm,
}


def train(
    case: Case,
    model: nn.Module,
    recipe: Recipe,
    *,
    epochs: int,
    seed: int,
    mirror: bool | None,
    frozen: bool = False,
) -> None:
    """Train in place; `frozen`: everything but the head and the norms stays as it is."""
    model.to(memory_format=torch.channels_last).train()
    torch.manual_seed(seed)
    optimizer = recipe.optimizer(entries(model, recipe, frozen=frozen))
    split, augment = case.images.train, augmentation(case, recipe.crop, mirror=mirror)
    steps, step = epochs * split.steps(BATCH), 0
    for epoch in range(1, epochs + 1):
        drawn = np.random.default_rng((seed, epoch)).permutation(len(split))
        rows = drawn[: split.steps(BATCH) * BATCH]
        for batch in split.augmented(augment, rows, BATCH, seed=seed, epoch=epoch):
            for entry in optimizer.param_groups:
                entry["lr"] = entry["full"] * recipe.schedule(step / steps)
            inputs = batch.inputs.contiguous(memory_format=torch.channels_last)
            optimizer.zero_grad(set_to_none=True)
            loss = cross_entropy(model(inputs), batch.targets, label_smoothing=recipe.smoothing)
            loss.backward()  # type: ignore[no-untyped-call]
            if recipe.clip:
                nn.utils.clip_grad_norm_(model.parameters(), recipe.clip)
            optimizer.step()
            step += 1


def entries(model: nn.Module, recipe: Recipe, *, frozen: bool) -> list[Entry]:
    """The parameters of each group of layers, with the rate at its highest."""
    parts, found = groups(model), list[Entry]()
    for index, part in enumerate(parts):
        place = min(len(recipe.factors) - 1, index * len(recipe.factors) // len(parts))
        last = index == len(parts) - 1
        full = recipe.rate * (recipe.factors[-1] if last else recipe.factors[place])
        tensors = [model.get_parameter(name) for name in part.parameters]
        for tensor in tensors:
            tensor.requires_grad_(last or not frozen or tensor.ndim == 1)
        matrices = [tensor for tensor in tensors if tensor.requires_grad and tensor.ndim > 1]
        vectors = [tensor for tensor in tensors if tensor.requires_grad and tensor.ndim == 1]
        found += [{"params": matrices, "lr": full, "full": full}] if matrices else []
        plain = {"lr": full, "full": full, "weight_decay": 0.0}
        found += [{"params": vectors, **plain}] if vectors else []
    return found


def augmentation(case: Case, crop: float, *, mirror: bool | None) -> Augmentation:
    """Cropped and, unless it is known to be wrong, mirrored, as recipes have it."""
    size = case.images.transform.size
    steps: list[object] = [albumentations.HorizontalFlip(p=0.5)] if mirror is not False else []
    steps.append(albumentations.RandomResizedCrop(size=(size, size), scale=(crop, 1), ratio=RATIO))
    pipeline = albumentations.Compose(steps)

    def augment(image: NDArray[np.uint8], seed: int) -> NDArray[np.uint8]:
        pipeline.set_random_seed(seed)
        made: NDArray[np.uint8] = pipeline(image=image)["image"]
        return made

    return augment


def probe(case: Case, model: nn.Module) -> None:
    """Set the head to a logistic regression on what the network as it starts says of the images."""
    layer = last_layers(model)[-1]
    inputs: list[Tensor] = []
    handle = layer.register_forward_pre_hook(lambda _, given: inputs.append(given[0].flatten(1)))
    batches = evaluated(model, case.images.train.batches(TEST_BATCH))
    targets = [batch[1] for batch in batches]
    handle.remove()
    features, labels = torch.cat(inputs).numpy(), torch.cat(targets).numpy()
    fitted = make_pipeline(StandardScaler(), LogisticRegression(C=0.01, max_iter=1000))
    fitted.fit(features.astype(np.float64), labels)
    scaler, regression = fitted.steps[0][1], fitted.steps[1][1]
    weight, bias = regression.coef_ / scaler.scale_, regression.intercept_
    if len(weight) == 1:  # two classes have one row
        weight, bias = np.concatenate([-weight, weight]) / 2, np.concatenate([-bias, bias]) / 2
    bias = bias - weight @ scaler.mean_
    with torch.no_grad():
        layer.weight.copy_(torch.from_numpy(weight).reshape(layer.weight.shape))
        assert layer.bias is not None  # noqa: S101  # a classifier has one
        layer.bias.copy_(torch.from_numpy(bias))


def said(case: Case, model: nn.Module) -> NDArray[np.int64]:
    """The class that a network says of each test image."""
    found = [outputs.argmax(1) for outputs, _ in evaluated(model, case.test.batches(TEST_BATCH))]
    classes: NDArray[np.int64] = torch.cat(found).numpy()
    return classes


def evaluated(model: nn.Module, batches: Iterable[Batch]) -> Iterable[tuple[Tensor, Tensor]]:
    """Outputs and targets, in evaluation mode."""
    model.to(memory_format=torch.channels_last).eval()
    with torch.inference_mode():
        for batch in batches:
            inputs = batch.inputs.contiguous(memory_format=torch.channels_last)
            yield model(inputs), batch.targets


def scores(case: Case, classes: NDArray[np.int64]) -> tuple[float, float]:
    """Accuracy and balanced accuracy on the test images."""
    right = classes == case.test.targets
    each = [right[case.test.targets == label].mean() for label in np.unique(case.test.targets)]
    return float(right.mean()), float(np.mean(each))
