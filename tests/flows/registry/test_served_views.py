"""A served model answers for as many views as the one that was evaluated."""

import warnings
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
import trainable
from samples import draw, encode

from components.frame import files
from components.model import backbone
from components.model.description import NetworkDescription, Origin
from components.tasks import registry
from components.tasks.assessment import predict
from components.training.outcome import _write_weights

images, pretrained = trainable.images, trainable.pretrained


@pytest.fixture(scope="module")
def served_model():
    """The class that a registered model runs; MLflow warns of types of its own on import."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from flows.registry.served_model import ServedModel
    return ServedModel


@pytest.mark.parametrize("views", [1, 2, 4])
def test_it_answers_as_the_evaluation_does(tmp_path, images, pretrained, served_model, views):
    """One path from files to probabilities: one transform, one mean."""
    transform = replace(images.transform, views=views)
    network = NetworkDescription(
        architecture=pretrained.config.architecture,
        arguments=pretrained.config.arguments,
        task=registry.described(images.task),
        transform=transform.to_dict(),
        freeze_depth=0,
        layer="stem",
        trained_fraction=1.0,
        learning_rate=1e-3,
        base=Origin(source="random weights", licence="none needed", sha256=""),
    )
    artifacts = {name: str(tmp_path / name) for name in ("network", "weights")}
    network.write(tmp_path / "network")
    _write_weights(pretrained.network(0), tmp_path / "weights")
    paths = [tmp_path / f"{number}.png" for number in range(5)]
    for number, path in enumerate(paths):
        path.write_bytes(encode(draw(number, height=40, width=50)))
    state = files.read_tensors(tmp_path / "weights")
    model = backbone.trained(network, state, 2, transform.size)
    evaluated = predict(model, images.task, transform, paths, 3)
    served = served_model()
    served.load_context(SimpleNamespace(artifacts=artifacts))
    table = served.predict(None, pd.DataFrame({"image": [path.read_bytes() for path in paths]}))
    assert np.allclose(table[["probability_a", "probability_b"]], evaluated, atol=1e-6)
    once = predict(model, images.task, images.transform, paths, 3)
    assert np.allclose(evaluated, once, atol=1e-6) is (views == 1)
