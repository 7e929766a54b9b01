"""A parameter that another one makes void is refused with both, and with two ways out that work."""

import pytest

from flows.parameters import world
from flows.parameters.sections import model_of, sections
from flows.pipeline import overrides

PAIRS = {
    ("base.architecture=resnet50", "base.source=package"): ["base.source=hub"],
    ("base.architecture=resnet50", "base.source=champion"): ["base.source=hub"],
    ("base.seed=3", "base.source=package"): ["base.source=none"],
    ("base.initialisation=he", "base.source=package"): ["base.source=none"],
    ("search.compute=2.0", "search.strategy=tpe"): ["search.strategy=staged"],
    ("search.prune_after=3", "search.strategy=staged"): ["search.strategy=tpe"],
    ("search.prune_after=3", "search.epochs=1"): ["search.epochs=2", "search.strategy=tpe"],
    ("search.prune_after=20", "search.max_trials=16"): [
        "search.max_trials=21",
        "search.strategy=tpe",
    ],
    ("search.prune_after=3", "search.folds=5"): ["search.folds=1", "search.strategy=tpe"],
    ("search.views=5", "search.epochs=4"): ["search.epochs=5"],
    ("search.views=3", "search.magnitude=0"): ["search.magnitude=1"],
    ("search.cache_gib=9.0", "search.mixup=[0.2, 0.4]"): ["search.mixup=0.0"],
    ("search.cache_precision=float16", "search.mixup=0.2"): ["search.mixup=0.0"],
    ("search.cache_gib=9.0", "search.cutmix=1.0"): ["search.cutmix=0.0"],
    ("search.cache_precision=float16", "search.cutmix=1.0"): ["search.cutmix=0.0"],
    ("search.cache_gib=9.0", "search.erasing=0.25"): ["search.erasing=0.0"],
    ("search.cache_precision=float16", "search.erasing=0.25"): ["search.erasing=0.0"],
    ("search.focal_gamma=3.0", "search.loss=cross_entropy"): ["search.loss=focal"],
    ("search.cache_precision=float16", "search.cache_gib=0"): ["search.cache_gib=4.0"],
    **{
        (f"search.{below}", "search.freeze_depth.low=head"): ["search.freeze_depth.low=0"]
        for below in (
            "layer_decay=0.7",
            "lora_rank=8",
            "phases=lp_ft",
            "surgical=last",
            "batch_norm=frozen",
            "tuning=norms",
        )
    },
    ("search.lora_alpha=8.0", "search.lora_rank=0"): ["search.lora_rank=8"],
    ("search.lora_layers=mlp", "search.lora_rank=0"): ["search.lora_rank=8"],
    ("search.tuning=norms", "search.lora_rank=[4, 8]"): ["search.lora_rank=0"],
    ("search.phases=progressive", "search.epochs=1"): ["search.epochs=2", "search.strategy=tpe"],
    ("search.head_init=zero", "search.head_start=probe"): ["search.head_start=drawn"],
    ("search.head_start=probe", "search.head_layers=256:0.2"): ["search.head_layers=none"],
    ("search.head_start=probe", "base.source=champion"): ["base.source=package"],
    ("search.cache_gib=9.0", "search.distillation=1.0"): ["search.distillation=0.0"],
    ("search.distillation=1.0", "base.source=package"): ["base.source=champion"],
    ("search.distillation_temperature=4.0", "search.distillation=0.0"): [
        "search.distillation=1.0",
        "base.source=champion",
    ],
    ("search.stochastic_depth=0.1", "search.freeze_depth.low=head"): ["search.freeze_depth.low=0"],
    ("search.backbone_rate=0.1", "search.freeze_depth.low=head"): ["search.freeze_depth.low=0"],
    ("search.l2_sp=0.01", "search.freeze_depth.low=head"): ["search.freeze_depth.low=0"],
    ("search.gradient_checkpointing=true", "search.freeze_depth.low=head"): [
        "search.freeze_depth.low=0"
    ],
    ("search.start=package", "base.source=package"): ["base.source=champion"],
    ("search.start=package", "search.distillation=1.0"): [
        "search.distillation=0.0",
        "base.source=champion",
    ],
    ("train.processes=2", "train.device=mps"): ["train.device=cuda"],
    ("search.l2_sp=0.01", "base.source=none"): ["base.source=package"],
    ("search.schedule=plateau", "search.epochs=2"): ["search.epochs=4"],
    ("train.test_time_views=2", "augment.horizontal_flip=false"): ["augment.horizontal_flip=true"],
    ("train.patience=11", "train.epochs=10"): ["train.epochs=11"],
    ("augment.image_size_limit=96", "augment.image_size=64"): ["augment.image_size=auto"],
    ("augment.horizontal_flip=true", "search.magnitude=0"): ["search.magnitude=1"],
    ("augment.vertical_flip=true", "search.magnitude=0"): ["search.magnitude=1"],
    ("augment.policy=trivial", "search.magnitude=0"): ["search.magnitude=1"],
    ("augment.rotate=9.0", "search.magnitude=0"): ["search.magnitude=1"],
    ("augment.shift=0.1", "search.magnitude=0"): ["search.magnitude=1"],
    ("augment.shear=5.0", "search.magnitude=0"): ["search.magnitude=1"],
    ("augment.zoom=0.1", "search.magnitude=0"): ["search.magnitude=1"],
    ("augment.rotate=9.0", "augment.policy=rand"): ["augment.policy=light"],
    ("augment.shift=0.1", "augment.policy=trivial"): ["augment.policy=light"],
    ("augment.shear=5.0", "augment.policy=rand"): ["augment.policy=light"],
    ("ingest.max_unpacked_gib=5.0", "ingest.source=digits"): ["ingest.source={tar}"],
    ("split.test_fraction=0.3", "ingest.source={split}"): ["ingest.source={classes}"],
    ("split.val_fraction=0.3", "ingest.source={split}"): ["ingest.source={classes}"],
}
BESIDES = {
    "search.folds=5": ["search.strategy=tpe"],
    "search.distillation=1.0": ["base.source=champion"],
    "search.freeze_depth.low=head": ["search.enqueue=[]"],
    "search.epochs=1": ["search.strategy=tpe"],
    "search.max_trials=16": ["search.strategy=tpe"],
}
"""What a value needs besides, to be refused for nothing else."""


@pytest.fixture
def filled(tmp_path):
    """Values with the places they name."""
    tar = tmp_path / "images.tar"
    tar.write_bytes(b"")
    for name in ("split/train/cat", "split/val/cat", "split/test/cat", "classes/cat"):
        (tmp_path / name).mkdir(parents=True)
    places = {"tar": tar, "split": tmp_path / "split", "classes": tmp_path / "classes"}
    return lambda *values: [value.format(**places) for value in values]


@pytest.mark.parametrize("pair", PAIRS, ids=" ".join)
def test_what_has_no_effect_is_refused_and_both_ways_out_work(shipped, refused, filled, pair):
    """Both parameters are named; changing the other one, or taking the first back, is accepted."""
    first, other = filled(*pair)
    besides = BESIDES.get(other, [])
    parameter, beside = first.partition("=")[0], other.partition("=")[0]
    said = refused(first, other, *besides)
    assert len(said.splitlines()) == 1
    assert f"{parameter} must have an effect, but" in said
    assert f"beside {beside}=" in said
    assert f"thawline params --reset {parameter}" in said
    overrides.planned(shipped, [first, *filled(*PAIRS[pair])])
    overrides.planned(shipped, [other, *besides])


def test_every_rule_is_tried(shipped):
    """One that is added is added above."""
    rules = [*world.NO_EFFECT]
    for section in sections(shipped):
        rules += model_of(shipped, section).no_effect
    tried = {tuple(value.partition("=")[0] for value in pair) for pair in PAIRS}
    assert {(rule.parameter, rule.beside) for rule in rules} == tried


def test_what_is_shipped_is_not_refused(shipped):
    """Nor what only narrows it: a parameter at its default is never in the way."""
    overrides.check_all(shipped)
    for value in ("train.epochs=1", "search.epochs=1", "search.magnitude=0", "search.max_trials=1"):
        overrides.planned(shipped, [value])


def test_a_stage_alone_refuses_it_too(tmp_path):
    """`dvc repro` reads the same rules, those of the stage's own file."""
    from components.frame import files
    from components.frame.errors import UsageError
    from components.frame.params import load_params
    from components.train import TrainParams

    path = tmp_path / "train.yaml"
    files.write_yaml(path, TrainParams(epochs=2, patience=3).model_dump())
    with pytest.raises(UsageError, match=r"train\.patience .* 3 has none beside train\.epochs=2"):
        load_params(TrainParams, path)


@pytest.mark.parametrize(
    ("values", "words"),
    [
        (["search.freeze_depth.low=2"], "a freeze_depth must lie in freeze_depth.low to high"),
        (["search.freeze_depth.high=0"], "enqueue: a freeze_depth must lie"),
        (["search.learning_rate.high=0.005"], "enqueue: a learning_rate must lie"),
        (["search.freeze_depth.low=3", "search.freeze_depth.high=2"], "`low <= high` must hold"),
        (["search.freeze_depth.low=head", "search.freeze_depth.high=0"], "`low <= high`"),
        (["search.strategy=tpe", "search.max_trials=1"], "max_trials must be 2 or more"),
        (["search.magnitude=[1, 1]"], "each once"),
        (
            [f"search.enqueue=[{', '.join(2 * ['{freeze_depth: 0, learning_rate: 1e-3}'])}]"],
            "one is named twice",
        ),
    ],
)
def test_what_was_shrunk_or_left_out_silently_is_refused(refused, values, words):
    """Nothing that is asked for is tried in another form, or not at all."""
    assert words in refused(*values)
