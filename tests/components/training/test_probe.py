"""A head that starts as a linear model of what the pretrained network makes of the images."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from components.data.images import augmentation
from components.model.backbone import create
from components.model.head import last_layers
from components.training.compute import Compute
from components.training.probe import fit_head, head_inputs
from components.training.validate import validate

CPU = torch.device("cpu")
COMPUTE = Compute(batch_size=8, device=CPU)


def answers(model, images):
    batches = images.train.batches(8)
    with torch.inference_mode():
        return torch.cat([model.eval()(batch.inputs) for batch in batches])


@pytest.mark.parametrize("flip", [False, True])
def test_the_network_answers_as_scikit_learn_does_on_timms_features(images, pretrained, flip):
    """Mirror images are learnt from as well where training mirrors them."""
    images = replace(images, family=augmentation.family(32, horizontal_flip=flip))
    model = pretrained.network(0)
    probe = fit_head(model, images, COMPUTE)
    probe.put(model)
    inputs = torch.cat([batch.inputs for batch in images.train.batches(8)])
    with torch.inference_mode():
        taken = [
            model.forward_head(model.forward_features(shown), pre_logits=True).double().numpy()
            for shown in ([inputs, inputs.flip(-1)] if flip else [inputs])
        ]
    fitted = make_pipeline(
        StandardScaler(), LogisticRegression(C=probe.layers[0].strength, max_iter=1000)
    )
    fitted.fit(np.concatenate(taken), np.tile(images.train.targets, len(taken)))
    asked = fitted.predict_proba(taken[0])
    assert np.abs(answers(model, images).softmax(1).numpy() - asked).max() < 1e-3


def test_it_beats_a_drawn_head_and_leaves_the_other_layers_alone(images, pretrained):
    model = pretrained.network(0)
    before = {name: value.clone() for name, value in model.state_dict().items()}
    drawn = validate(model, images.train.batches(8), images.task, device=CPU)
    fit_head(model, images, COMPUTE).put(model)
    probed = validate(model, images.train.batches(8), images.task, device=CPU)
    changed = {k for k, v in model.state_dict().items() if not torch.equal(v, before[k])}
    assert probed.loss < drawn.loss - 0.05
    assert changed == {"classifier.weight", "classifier.bias"}


def test_equal_calls_give_equal_bits_whatever_the_head_was(images, pretrained):
    one, other = (fit_head(pretrained.network(seed), images, COMPUTE) for seed in (0, 1))
    assert np.array_equal(one.layers[0].weight, other.layers[0].weight)
    assert np.array_equal(one.layers[0].bias, other.layers[0].bias)


@pytest.mark.parametrize("architecture", ["test_vit", "test_resnet", "test_convnext"])
def test_every_architecture_reads_one_row_of_features_an_image(architecture, images):
    model = create(architecture, 2, 32, {})
    features = head_inputs(model, images.train.batches(8), device=CPU)
    layers = last_layers(model)
    assert [rows.shape for rows in features] == [(40, layer.in_features) for layer in layers]
