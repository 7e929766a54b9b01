"""The training loop: frozen means frozen, best means best, and a kill changes nothing."""

import hashlib
import os
import signal
from dataclasses import fields, replace

import numpy as np
import pytest
import torch
from safetensors.torch import save_file
from samples import draw, encode

from components.data.images import augmentation as augmentations
from components.data.images.dataset import Split
from components.data.images.pixels import pixels
from components.data.images.transform import Transform
from components.frame import events
from components.frame.errors import DataError, InertError, UnreachableError
from components.model.audit import audit, require_rates
from components.model.backbone import create
from components.model.groups import behind, groups
from components.tasks.classification import Classification
from components.training import checkpoint
from components.training.feed import ImageFeed
from components.training.fit import fit
from components.training.history import Epoch
from components.training.images import Images
from components.training.progress import EpochReport
from components.training.recipe import Recipe, Setting
from components.training.schedules import Moment, fraction
from components.training.step import DivergedError
from components.training.validate import validate

SETTING = [field.name for field in fields(Setting)]
CPU = torch.device("cpu")
SIZE = 32
TASK = Classification(("a", "b"))


@pytest.fixture
def feed(tmp_path):
    """Two classes of noise, one darker than the other: 40 to train on, 12 to validate."""
    paths = []
    for number in range(52):
        image = draw(number) // (2 if number % 2 else 1)
        path = tmp_path / f"{number:02}.png"
        path.write_bytes(encode(image))
        paths.append(path)
    transform = Transform(size=SIZE, resize=SIZE, mean=(0.5, 0.5, 0.5), std=(0.5, 0.5, 0.5))
    names = [path.name for path in paths]
    decoded = pixels(paths, names, transform, tmp_path / "cache", lambda *_: None)
    labels = np.arange(52) % 2
    train, val = (
        Split(decoded, chosen, labels[chosen], transform)
        for chosen in (np.arange(40), np.arange(40, 52))
    )
    family = augmentations.family(SIZE, horizontal_flip=False)
    seen = Images(train=train, val=val, task=TASK, transform=transform, family=family)
    return ImageFeed(images=seen, batch_size=8, magnitude=1, seed=0, workers=0)


def recipe(**changes):
    """`changes` are of the recipe, or of the setting in it."""
    of_setting = {name: changes.pop(name) for name in SETTING if name in changes}
    setting = Setting(**{"freeze_depth": 1, "learning_rate": 3e-3, **of_setting})
    return Recipe(**{"setting": setting, "epochs": 3, "patience": 3, "seed": 0, **changes})


def network():
    torch.manual_seed(0)
    return create("test_efficientnet", 2, SIZE, {"drop_rate": 0.2})


def state_hash(model):
    return hashlib.sha256(
        b"".join(value.numpy().tobytes() for _, value in sorted(model.state_dict().items()))
    ).hexdigest()


def run(feed, keep, asked, *, on_epoch=lambda *_: False, keep_best=True, dice=0, **others):
    model = network()
    torch.manual_seed(dice)
    done = fit(
        model,
        groups(model),
        feed,
        TASK,
        asked,
        device=CPU,
        keep=keep,
        keep_best=keep_best,
        on_epoch=on_epoch,
        **others,
    )
    return model, done


class PowerCutError(Exception):
    """Stands for a kill right after an epoch's checkpoint."""


def cut_after(number):
    def on_epoch(epoch, *_):
        if epoch.epoch == number:
            raise PowerCutError
        return False

    return on_epoch


@pytest.mark.parametrize("number", [1, 2])
def test_killed_fit_ends_with_the_same_bits(feed, tmp_path, number):
    """Weights and history are those of a fit that was never killed."""
    whole, expected = run(feed, tmp_path / "whole.safetensors", recipe())
    keep = tmp_path / "cut.safetensors"
    with pytest.raises(PowerCutError):
        run(feed, keep, recipe(), on_epoch=cut_after(number))
    resumed, found = run(feed, keep, recipe())
    assert found.history == expected.history
    assert state_hash(resumed) == state_hash(whole)


def test_a_fit_that_saves_seldom_ends_with_the_same_bits_after_a_kill(feed, tmp_path):
    """From its beginning, where it was killed before the first file; epochs are told anew."""
    whole, expected = run(feed, tmp_path / "whole.safetensors", recipe())
    keep, told = tmp_path / "cut.safetensors", []
    with pytest.raises(PowerCutError):
        run(feed, keep, recipe(), on_epoch=cut_after(2), save_after=3600)
    assert not keep.exists()
    tell = lambda epoch, *_: told.append(epoch.epoch)  # noqa: E731
    resumed, found = run(feed, keep, recipe(), on_epoch=tell, save_after=3600)
    assert told == [1, 2, 3]
    assert found.history == expected.history
    assert state_hash(resumed) == state_hash(whole)


def test_a_fit_does_not_hang_on_what_drew_from_torch_before(feed, tmp_path):
    """Its dropout draws by its own seed, and so do epochs that are resumed."""
    asked = recipe(epochs=1)
    one, other = (run(feed, tmp_path / str(n), asked, dice=n)[0] for n in (1, 2))
    assert state_hash(one) == state_hash(other)


def test_resumed_fit_tells_every_epoch_once(feed, tmp_path):
    """Also the epoch whose event the kill swallowed."""
    log = events.Events(tmp_path / "events.jsonl")
    keep = tmp_path / "keep.safetensors"
    with pytest.raises(PowerCutError):
        run(feed, keep, recipe(), on_epoch=cut_after(2))
    for _ in range(2):
        run(feed, keep, recipe(), on_epoch=EpochReport(log, "train", TASK, trial=None, epochs=3))
    assert [event["epoch"] for event in events.read(log.path)] == [1, 2, 3]


def test_frozen_groups_do_not_move_and_the_others_do(feed, tmp_path):
    """Parameters and running statistics, bit by bit."""
    before = {name: value.clone() for name, value in network().state_dict().items()}
    model, _ = run(feed, tmp_path / "keep.safetensors", recipe(freeze_depth=2), keep_best=False)
    parts = groups(model)
    frozen = {name for part in parts[:2] for name in part.parameters}
    modules = {name.rsplit(".", 1)[0] for name in frozen}
    for name, value in model.state_dict().items():
        if name in frozen or name.rsplit(".", 1)[0] in modules:
            assert torch.equal(value, before[name]), name
    assert any(
        not torch.equal(model.state_dict()[name], before[name]) for name in parts[2].parameters
    )


def test_best_epoch_is_kept_not_the_last(feed, tmp_path):
    """The weights returned score what the best epoch scored."""
    model, done = run(feed, tmp_path / "keep.safetensors", recipe(epochs=6, learning_rate=0.03))
    found = validate(model, feed.validation(), TASK, device=CPU)
    highest = max(epoch.validation_score for epoch in done.history)
    assert found.score == done.best.validation_score == highest
    assert found.loss == pytest.approx(done.best.validation_loss, abs=1e-5)


class Souring(ImageFeed):
    """Gives every image the other class from the second epoch on."""

    def training(self, epoch):
        for batch in super().training(epoch):
            yield replace(batch, targets=1 - batch.targets) if epoch > 1 else batch


@pytest.mark.parametrize("last", [2, 4])
def test_the_best_epoch_outlives_a_kill_after_a_worse_one(feed, tmp_path, last):
    """What is kept in the end is the first epoch's, not that of the one before the kill."""
    keep = tmp_path / "keep.safetensors"
    asked = recipe(freeze_depth=0, learning_rate=0.01, epochs=4)
    souring = Souring(**vars(feed))
    with pytest.raises(PowerCutError):
        run(souring, keep, asked, on_epoch=cut_after(last))
    model, done = run(souring, keep, asked)
    losses = [epoch.validation_loss for epoch in done.history]
    assert min(losses) == losses[0]
    assert done.best == done.history[0]
    found = validate(model, feed.validation(), TASK, device=CPU)
    assert found.loss == pytest.approx(losses[0], abs=1e-5)


def test_patience_ends_a_fit_that_no_longer_improves(feed, tmp_path):
    """So many epochs after the best one."""
    asked = recipe(freeze_depth=0, learning_rate=0.01, epochs=12, patience=2)
    _, done = run(Souring(**vars(feed)), tmp_path / "keep.safetensors", asked)
    assert len(done.history) == done.best.epoch + 2 < 12


def test_loss_that_is_no_number_stops_at_once_with_the_rate(feed, tmp_path):
    """FAULTS 66: no roll-back with another rate."""
    keep = tmp_path / "keep.safetensors"
    with pytest.raises(DivergedError, match="at step 1, with a learning rate of"):
        run(feed, keep, recipe(freeze_depth=0, learning_rate=1e30, epochs=5))


def test_what_the_last_step_ruined_is_no_result(feed, tmp_path):
    """No step follows it whose loss would tell."""
    with pytest.raises(DivergedError, match="validation loss must be a number, but is nan after"):
        run(replace(feed, batch_size=40), tmp_path / "keep", recipe(learning_rate=1e38, epochs=1))


def test_checkpoint_of_other_settings_is_refused(feed, tmp_path):
    """FAULTS 70."""
    keep = tmp_path / "keep.safetensors"
    run(feed, keep, recipe())
    with pytest.raises(DataError, match="belongs to another"):
        run(feed, keep, recipe(learning_rate=1e-3))


def test_workers_change_no_bit(feed):
    """Augmentation depends on seed, epoch and image, not on who draws it."""
    from dataclasses import replace

    for epoch in (1, 2):
        alone = list(feed.training(epoch))
        helped = list(replace(feed, workers=2).training(epoch))
        for one, other in zip(alone, helped, strict=True):
            assert torch.equal(one.inputs, other.inputs)
            assert torch.equal(one.targets, other.targets)
    first, second = (next(iter(feed.training(epoch))) for epoch in (1, 2))
    assert not torch.equal(first.inputs, second.inputs)


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGSEGV])
def test_dead_worker_is_named_at_once(feed, number):
    """Killed for its memory, or by a fault of a decoder: no waiting, and what to do."""

    def dies(image, _):
        os.kill(os.getpid(), number)
        return image

    with pytest.raises(UnreachableError, match=r"must live on, but one has died.*`workers`"):
        list(feed.images.train.augmented(dies, np.arange(8), 8, seed=0, epoch=1, workers=1))


def test_checkpoint_gives_back_what_was_saved(tmp_path):
    """Model, best and moments apart, and one metadata key."""
    saved = checkpoint.Checkpoint(
        model={"a.b": torch.ones(2)},
        best={"a.b": torch.zeros(2)},
        moments={"a.b/step": torch.tensor(3.0)},
        techniques={"ema/a.b": torch.full((2,), 5.0)},
        meta={"digest": "d", "history": []},
    )
    path = tmp_path / "keep.safetensors"
    checkpoint.save(path, saved)
    found = checkpoint.load(path, "d")
    assert torch.equal(found.model["a.b"], torch.ones(2))
    assert torch.equal(found.best["a.b"], torch.zeros(2))
    assert found.moments["a.b/step"] == 3
    assert torch.equal(found.techniques["ema/a.b"], torch.full((2,), 5.0))


def test_schedule_rises_then_falls_to_nearly_nothing():
    """A tenth of the steps up, a cosine down."""

    def rates(steps):
        return [fraction("cosine", Moment(step=step, steps=steps)) for step in range(steps)]

    found = rates(100)
    assert found[9] == 1.0 == max(found)
    assert found[:10] == sorted(found[:10])
    assert found[10:] == sorted(found[10:], reverse=True)
    assert 0 < found[-1] < 0.001
    assert all(0 < rate <= 1 for rate in rates(3))


def test_the_schedule_is_as_long_as_the_fit(feed, tmp_path):
    """Three epochs of five steps: each ends at its place in all fifteen."""
    _, done = run(feed, tmp_path / "keep.safetensors", recipe(learning_rate=1e-3))
    expected = [1e-3 * 0.5 * (1 + np.cos(np.pi * (step - 2) / 13)) for step in (4, 9, 14)]
    assert [epoch.learning_rate for epoch in done.history] == pytest.approx(expected)


def test_the_schedule_is_the_one_that_is_asked_for(feed, tmp_path):
    """With its own rise; and `plateau` looks at what validation was."""
    asked = recipe(learning_rate=1e-3, schedule="constant", warm_up=0.9)
    _, done = run(feed, tmp_path / "constant", asked)
    expected = [1e-3 * (step + 1) / 14 for step in (4, 9)]
    assert [one.learning_rate for one in done.history[:2]] == pytest.approx(expected)
    asked = recipe(learning_rate=1e-9, schedule="plateau", epochs=4, patience=4)
    _, done = run(feed, tmp_path / "plateau", asked)
    assert [one.learning_rate for one in done.history] == pytest.approx([1e-9] * 3 + [1e-10])


@pytest.mark.parametrize("optimizer", ["sgd", "lamb"])
def test_a_killed_fit_of_another_optimizer_ends_with_the_same_bits(feed, tmp_path, optimizer):
    """What it keeps for parameters and for groups is in the checkpoint."""
    asked = recipe(optimizer=optimizer)
    whole, expected = run(feed, tmp_path / "whole", asked)
    with pytest.raises(PowerCutError):
        run(feed, tmp_path / "cut", asked, on_epoch=cut_after(1))
    resumed, found = run(feed, tmp_path / "cut", asked)
    assert found.history == expected.history
    assert state_hash(resumed) == state_hash(whole)
    assert state_hash(whole) != state_hash(run(feed, tmp_path / "plain", recipe())[0])


def test_a_fit_in_bfloat16_ends_near_the_one_in_float32(feed, tmp_path):
    """Its sums are coarser, its weights stay float32."""
    asked = recipe(epochs=1, learning_rate=1e-9)
    _, one = run(feed, tmp_path / "plain", asked)
    coarse, other = run(feed, tmp_path / "coarse", replace(asked, precision="bf16"))
    assert one.best.train_loss != other.best.train_loss
    assert one.best.train_loss == pytest.approx(other.best.train_loss, abs=0.3)
    assert all(parameter.dtype == torch.float32 for parameter in coarse.parameters())


def test_a_rate_that_a_group_does_not_train_at_is_told():
    """The audit compares each group's with what the setting asks for."""
    model = network()
    parts = groups(model)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    reports = audit(model, parts, behind(parts, 0), optimizer)
    require_rates(reports, [0.1] * len(parts))
    with pytest.raises(InertError, match=r"must train at a rate of 0\.05, but trains at"):
        require_rates(reports, [0.05, *[0.1] * (len(parts) - 1)])


def test_of_epochs_the_score_decides_and_then_the_loss():
    """A higher score is the better one, however sure the wrong answers are."""
    one = Epoch(
        epoch=1,
        train_loss=0.0,
        train_score=0.0,
        validation_loss=0.5,
        validation_score=0.8,
        validation_score_error=0.1,
        learning_rate=0.0,
    )
    other = replace(one, validation_score=0.9, validation_loss=0.7)
    assert max(one, other, replace(one, validation_loss=0.6), key=lambda e: e.rank) is other
    assert max(replace(one, validation_loss=0.6), one, key=lambda e: e.rank) is one


def test_saved_state_is_the_same_bytes_each_time(tmp_path):
    """The hash of the weights names a model."""
    for name in ("a", "b"):
        state = {k: v.contiguous() for k, v in sorted(network().state_dict().items())}
        save_file(state, tmp_path / name)
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()
