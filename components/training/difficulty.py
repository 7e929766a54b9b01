"""How hard each training image is, before anything is trained: what a curriculum goes by."""

import numpy as np
import torch
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from torch import Tensor, nn

from components.data.images.dataset import Split
from components.model.head import last_layers

ITERATIONS = 200
"""Of the classifier's solver, at most: a ranking needs no more digits."""


def image_losses(
    model: nn.Module, split: Split, *, batch_size: int, workers: int
) -> tuple[float, ...]:
    """The loss of each image of a split to a linear classifier on pretrained features.

    What Hacohen and Weinshall (ICML 2019) call transfer scoring: the classifier is fitted to the
    same images, by logistic regression.

    Args:
        model: as it starts; of its head nothing is used.
        split: whose targets are classes, shape (images,).
        batch_size: images run at once.
        workers: processes that prepare images.
    """
    features = _features(model, split, batch_size, workers)
    classifier = make_pipeline(StandardScaler(), LogisticRegression(max_iter=ITERATIONS))
    logs = classifier.fit(features, split.targets).predict_log_proba(features)
    places = np.searchsorted(classifier.classes_, split.targets)
    losses = -logs[np.arange(len(split)), places]
    return tuple(losses.tolist())


def _features(model: nn.Module, split: Split, batch_size: int, workers: int) -> NDArray[np.float32]:
    """What the classifier reads of each image, (images, features)."""
    seen: list[Tensor] = []
    device = next(model.parameters()).device
    handle = last_layers(model)[0].register_forward_pre_hook(
        lambda _, inputs: seen.append(inputs[0].flatten(1).float().cpu())
    )
    training = model.training
    try:
        with torch.inference_mode():
            for batch in split.batches(batch_size, workers=workers):
                model.eval()(batch.inputs.to(device))
    finally:
        handle.remove()
        model.train(training)
    return torch.cat(seen).numpy()
