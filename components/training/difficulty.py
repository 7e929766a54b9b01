"""How hard each training image is, before anything is trained: what a curriculum goes by."""

import torch
from torch import nn
from torch.nn.functional import cross_entropy

from components.data.images.dataset import Split
from components.tasks.linear import logistic
from components.training.compute import Compute
from components.training.probe import head_inputs


def image_losses(model: nn.Module, split: Split, compute: Compute) -> tuple[float, ...]:
    """The loss of each image of a split to a linear classifier on pretrained features.

    What Hacohen and Weinshall (ICML 2019) call transfer scoring: the classifier is fitted to the
    same images, by logistic regression.

    Args:
        model: as it starts; of its head nothing is used. It is in evaluation mode afterwards.
        split: whose targets are classes, shape (images,).
        compute: in what portions images run; on the device that the model is on.
    """
    batches = split.batches(compute.batch_size, workers=compute.workers)
    features, *_ = head_inputs(model, batches, device=next(model.parameters()).device)
    fitted = logistic(features, split.targets, int(split.targets.max()) + 1)
    outputs = torch.from_numpy(features @ fitted.weight.T + fitted.bias)
    losses = cross_entropy(outputs, torch.from_numpy(split.targets), reduction="none")
    return tuple(losses.tolist())
