"""How hard each training image is, before anything is trained: what a curriculum goes by."""

import warnings

import numpy as np
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from torch import nn

from components.data.images.dataset import Split
from components.training.compute import Compute
from components.training.probe import head_inputs

ITERATIONS = 200
"""Of the classifier's solver, at most: a ranking needs no more digits."""


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
    classifier = make_pipeline(StandardScaler(), LogisticRegression(max_iter=ITERATIONS))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # a ranking needs no more digits
        classifier.fit(features, split.targets)
    logs = classifier.predict_log_proba(features)
    places = np.searchsorted(classifier.classes_, split.targets)
    losses = -logs[np.arange(len(split)), places]
    return tuple(losses.tolist())
