"""Parameters of the search that another one makes void, and why."""

from components.frame.effects import NoEffect
from components.study.rates import AUTO

HEAD = "head"
"""The freeze depth that leaves the classifier alone to train."""
BELOW_HEAD = (
    "backbone_rate",
    "batch_norm",
    "gradient_checkpointing",
    "l2_sp",
    "layer_decay",
    "lora_rank",
    "phases",
    "stochastic_depth",
    "surgical",
    "tuning",
)
"""Those about the layers below the head."""
CHANGES_IMAGES = {
    "mixup": "blended images cannot come from the cache",
    "cutmix": "images with pasted boxes cannot come from the cache",
    "erasing": "images with erased boxes cannot come from the cache",
}
"""Why the cache is of no use, by technique."""
PLATEAU_EPOCHS = 3
"""In so many epochs the rate of `plateau` cannot fall yet."""
RULES: tuple[NoEffect, ...] = (
    NoEffect(
        parameter="search.compute",
        beside="search.strategy",
        holds=lambda _, strategy: strategy != "staged",
        why="that strategy spends no more by it",
        remedy="search.strategy=staged",
    ),
    NoEffect(
        parameter="search.prune_after",
        beside="search.strategy",
        holds=lambda after, strategy: after > 0 and strategy != "tpe",
        why="that strategy ends no trial by the median",
        remedy="search.strategy=tpe",
    ),
    NoEffect(
        parameter="search.prune_after",
        beside="search.epochs",
        holds=lambda after, epochs: after > 0 and epochs == 1,
        why="a trial's only epoch is its last",
        remedy="search.epochs to 2 or more",
    ),
    NoEffect(
        parameter="search.prune_after",
        beside="search.max_trials",
        holds=lambda after, trials: after >= trials,
        why="the last trial comes before",
        remedy="search.max_trials to more",
    ),
    NoEffect(
        parameter="search.prune_after",
        beside="search.folds",
        holds=lambda after, folds: after > 0 and folds not in ("auto", 1),
        why="over folds a trial ends early by a test against the best one at each of them",
        remedy="search.folds=1",
    ),
    NoEffect(
        parameter="search.views",
        beside="search.epochs",
        holds=lambda views, epochs: views > epochs,
        why="a trial sees one in each epoch",
        remedy="search.epochs to as many or more",
    ),
    NoEffect(
        parameter="search.views",
        beside="search.magnitude",
        holds=lambda views, magnitudes: views > 1 and not any(magnitudes),
        why="magnitude 0 changes no image, so all are equal",
        remedy="search.magnitude=1",
    ),
    *(
        NoEffect(
            parameter=f"search.{parameter}",
            beside=f"search.{technique}",
            holds=lambda kept, several: kept != 0 and all(several),
            why=why,
            remedy=f"search.{technique}=0.0",
        )
        for parameter in ("cache_gib", "cache_precision")
        for technique, why in CHANGES_IMAGES.items()
    ),
    NoEffect(
        parameter="search.focal_gamma",
        beside="search.loss",
        holds=lambda _, losses: "focal" not in losses,
        why="the cross-entropy has none",
        remedy="search.loss=focal",
    ),
    NoEffect(
        parameter="search.cache_precision",
        beside="search.cache_gib",
        holds=lambda _, gib: gib == 0,
        why="nothing is kept",
        remedy="search.cache_gib=4.0",
    ),
    *(
        NoEffect(
            parameter=f"search.{name}",
            beside="search.freeze_depth.low",
            holds=lambda _, low: low == HEAD,
            why="the head is one group, with nothing below it that trains",
            remedy="search.freeze_depth.low=0",
        )
        for name in BELOW_HEAD
    ),
    *(
        NoEffect(
            parameter=f"search.{name}",
            beside="search.lora_rank",
            holds=lambda _, ranks: not any(ranks),
            why="there are no adapters",
            remedy="search.lora_rank=8",
        )
        for name in ("lora_alpha", "lora_layers")
    ),
    NoEffect(
        parameter="search.tuning",
        beside="search.lora_rank",
        holds=lambda _, ranks: all(ranks) and ranks != [AUTO],
        why="adapters train in place of the layers' own parameters",
        remedy="search.lora_rank=0",
    ),
    NoEffect(
        parameter="search.head_init",
        beside="search.head_start",
        holds=lambda _, starts: starts == ["probe"],
        why="the probe takes the place of what is drawn",
        remedy="search.head_start=drawn",
    ),
    NoEffect(
        parameter="search.head_start",
        beside="base.source",
        holds=lambda starts, source: "probe" in starts and source == "champion",
        why="the champion's head keeps what it knows of each class",
        remedy="base.source to other weights",
    ),
    NoEffect(
        parameter="search.head_start",
        beside="search.head_layers",
        holds=lambda _, layers: layers != ["none"],
        why="a probe is a head of one layer",
        remedy="search.head_layers=none",
    ),
    NoEffect(
        parameter="search.phases",
        beside="search.epochs",
        holds=lambda _, epochs: epochs == 1,
        why="an epoch has one phase",
        remedy="search.epochs to 2 or more",
    ),
    NoEffect(
        parameter="search.cache_gib",
        beside="search.distillation",
        holds=lambda gib, weights: gib > 0 and all(weights),
        why="the teacher looks at images, not at what the cache keeps",
        remedy="search.distillation=0.0",
    ),
    NoEffect(
        parameter="search.distillation",
        beside="base.source",
        holds=lambda weights, source: any(weights) and source != "champion",
        why="the champion teaches where training starts from it",
        remedy="base.source=champion",
    ),
    NoEffect(
        parameter="search.distillation_temperature",
        beside="search.distillation",
        holds=lambda _, weights: not any(weights),
        why="nobody teaches",
        remedy="search.distillation=1.0",
    ),
    NoEffect(
        parameter="search.start",
        beside="base.source",
        holds=lambda _, source: source != "champion",
        why="there is but one start",
        remedy="base.source=champion",
    ),
    NoEffect(
        parameter="search.start",
        beside="search.distillation",
        holds=lambda starts, weights: starts == ["package"] and any(weights),
        why="the champion teaches where training starts from it",
        remedy="search.distillation=0.0",
    ),
    NoEffect(
        parameter="search.l2_sp",
        beside="base.source",
        holds=lambda _, source: source == "none",
        why="random weights are nothing to hold on to",
        remedy="base.source to pretrained weights",
    ),
    NoEffect(
        parameter="search.schedule",
        beside="search.epochs",
        holds=lambda schedules, epochs: schedules == ["plateau"] and epochs <= PLATEAU_EPOCHS,
        why="a trial ends before the rate can fall; it does so from the fourth epoch on",
        remedy="search.epochs to 4 or more",
    ),
)
