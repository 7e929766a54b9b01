"""fastai's `fine_tune` by the library itself, as its tutorials have it, where it is installed.

    pip install fastai

Its head (two hidden layers on two kinds of pooling), its augmentation, its schedule, its freezing.
"""

from importlib.util import find_spec
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from benchmarks.cases import Case
from components.data.images.dataset import Split

BATCH = 32
CROP = 0.5
"""Fraction of the area that a crop keeps at the least, as in all recipes."""
TRAIN, VALID, TEST = "train", "valid", "test"


def is_installed() -> bool:
    """Whether the library is at hand."""
    return find_spec("fastai") is not None


class Body(nn.Module):
    """What lies below the pooling of a timm network."""

    def __init__(self, network: Any) -> None:  # noqa: ANN401  # timm has no type for all of them
        super().__init__()
        self.network = network

    def forward(self, images: Tensor) -> Tensor:
        """(n, 3, size, size) to (n, features, height, width)."""
        found: Tensor = self.network.forward_features(images)
        return found


def fine_tuned(case: Case, budget: int, seed: int, *, mirror: bool | None) -> NDArray[np.int64]:
    """An epoch of the head, then the rest of the budget of all; what it says of the test images."""
    from fastai.callback import progress, schedule  # noqa: F401  # they add to `Learner`
    from fastai.learner import Learner
    from fastai.losses import CrossEntropyLossFlat
    from fastai.torch_core import params, set_seed
    from fastai.vision.learner import create_head

    set_seed(seed)
    network: Any = case.pretrained.network(seed)
    head = create_head(network.num_features, len(case.classes))
    loaders = _loaders(case, mirror=mirror)
    learner = Learner(
        loaders,
        nn.Sequential(Body(network), head),
        loss_func=CrossEntropyLossFlat(),
        splitter=lambda model: [params(model[0]), params(model[1])],
        path=case.folder,
    )
    with learner.no_bar(), learner.no_logging():
        learner.fine_tune(max(1, budget - 1))
        said, _ = learner.get_preds(dl=loaders.test_dl(_names(TEST, case.test)))
    classes: NDArray[np.int64] = said.argmax(1).numpy()
    return classes


def _loaders(case: Case, *, mirror: bool | None) -> Any:  # noqa: ANN401  # fastai's
    from fastai.data.block import CategoryBlock, DataBlock
    from fastai.data.transforms import FuncSplitter, Normalize
    from fastai.vision.augment import RandomResizedCrop, aug_transforms
    from fastai.vision.core import PILImage
    from fastai.vision.data import ImageBlock

    splits = {TRAIN: case.images.train, VALID: case.images.val, TEST: case.test}
    transform, classes = case.images.transform, list(range(len(case.classes)))

    def image(name: str) -> Any:  # noqa: ANN401  # fastai's
        split, _, place = name.partition("/")
        return PILImage.create(_square(splits[split], int(place)))

    def label(name: str) -> int:
        split, _, place = name.partition("/")
        return int(splits[split].targets[int(place)])

    block = DataBlock(
        blocks=(ImageBlock, CategoryBlock(vocab=classes, sort=False)),
        get_x=image,
        get_y=label,
        splitter=FuncSplitter(lambda name: name.startswith(VALID)),
        item_tfms=RandomResizedCrop(transform.size, min_scale=CROP),
        batch_tfms=[
            *aug_transforms(do_flip=mirror is not False),
            Normalize.from_stats(transform.mean, transform.std, cuda=False),
        ],
    )
    names = [name for split in (TRAIN, VALID) for name in _names(split, splits[split])]
    cpu = torch.device("cpu")
    return block.dataloaders(names, bs=BATCH, num_workers=0, device=cpu, path=case.folder)


def _names(name: str, split: Split) -> list[str]:
    return [f"{name}/{place}" for place in range(len(split))]


def _square(split: Split, row: int) -> NDArray[np.uint8]:
    return np.ascontiguousarray(split.transform.crop(split.pixels[int(split.indices[row])]))
