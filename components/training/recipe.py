"""What is asked of a fit: the setting that a search varies, and the recipe around it."""

import hashlib
from dataclasses import asdict, dataclass, fields
from typing import ClassVar

from components.frame import files
from components.frame.documents import Document
from components.model.device import Precision
from components.tasks.task import LossRequest


@dataclass(frozen=True, kw_only=True)
class Setting:
    """What a search varies.

    A field here and its range in `SearchParams` declare a hyperparameter; the rest of the search
    follows, and what trains reads it from here.
    """

    freeze_depth: int
    """How many groups of layers, from the stem, are frozen: 0 freezes none."""
    learning_rate: float
    """Of the optimizer at its highest, for the head."""
    layer_decay: float = 1.0
    """Factor on the rate for every group below the head; 1.0 where the head alone is trained."""
    weight_decay: float = 0.05
    head_dropout: float = 0.0
    """Fraction of what the classifier reads that is dropped, 0 to 1."""
    magnitude: int = 1
    """Of the augmentation, 0 none to 3 strong."""
    mixup: float = 0.0
    """Both parameters of the beta distribution that blends pairs of images; 0.0: none are."""
    cutmix: float = 0.0
    """Both parameters of the beta distribution of what another image's box leaves; 0.0: none is."""
    erasing: float = 0.0
    """Probability that a rectangle of an image is replaced by noise."""
    label_smoothing: float = 0.1
    """Fraction of the target that is spread over all classes, 0 to 1."""
    batch_norm: str = "trained"
    """Statistics of batch normalisation in these layers: `trained` move, `frozen` do not, `auto`
    are frozen where there are any."""
    tuning: str = "full"
    """What trains of the layers below the head: `full`, `norms` or `bitfit`."""
    surgical: str = "none"
    """The third of these layers that trains alone: `first`, `middle` or `last`; or `none`."""
    lora_rank: int = 0
    """Of adapters that train in place of these layers; 0: there are none."""
    lora_alpha: float = 16.0
    """Adapters count this over their rank times."""
    lora_layers: str = "all"
    """Those that get adapters: `all`, `attention` or `mlp`."""
    phases: str = "none"
    """In which these layers come to train: `none`, `lp_ft` or `progressive`."""
    head_layers: str = "none"
    """Hidden ones below the classifier, as `hidden_layers` reads them."""
    head_init: str = "small"
    """What the classifier is drawn from: `small`, `timm` or `zero`."""
    stochastic_depth: float = 0.0
    """Probability that the last residual branch of an image is dropped, 0 to 1."""
    distillation: float = 0.0
    """Weight of the starting network's soft targets beside the loss; 0.0: none."""
    distillation_temperature: float = 2.0
    """By which the outputs of both networks are divided first."""
    ema: float = 0.0
    """Decay of an exponential moving average of the weights, 0 to 1; 0.0: none."""
    head_start: str = "drawn"
    """What the head is at the start: `drawn`, or `probe`, a linear model of the features."""
    optimizer: str = "adamw"
    """A name in `optimizers.optimizers()`."""
    momentum: float = 0.9
    """Of optimizers that have one, 0 to 1."""
    schedule: str = "cosine"
    """A name in `schedules.SCHEDULES`."""
    warm_up: float = 0.1
    """Fraction of the steps in which the rate rises, 0 to 1."""
    backbone_rate: float = 1.0
    """Factor on the rate of everything below the head."""
    l1: float = 0.0
    """Factor on the sum of the trained weights' sizes, which is added to the loss."""
    l2_sp: float = 0.0
    """Pull of what lies below the head to where it started, in place of its weight decay."""
    clip_norm: float = 0.0
    """The gradients' norm at most; 0.0: it is left as it is."""
    accumulation: int = 1
    """Parts in which a batch is taken."""
    gradient_checkpointing: bool = False
    """Whether activations are computed anew in the backward pass."""
    loss: str = "cross_entropy"
    """A name in `losses.LOSSES`."""
    focal_gamma: float = 2.0
    """Of the focal loss: how much less what is already right counts."""
    class_weights: str = "none"
    """In the loss: `none`, `balanced`, or weights by the names of classes, as JSON."""
    sampling: str = "shuffled"
    """A name in `samplers.SAMPLERS`."""
    curriculum: float = 0.0
    """Fraction of the epochs in which the hard images come in by and by; 0.0: all are in."""
    start: str = "base"
    """What training starts from: `base`, what the stage of that name took, or `package`."""

    @property
    def loss_request(self) -> LossRequest:
        """What is asked of the task's loss."""
        return LossRequest(**{one.name: getattr(self, one.name) for one in fields(LossRequest)})


BASE, PACKAGE = "base", "package"
"""What training may start from."""
CHOICES = tuple(field.name for field in fields(Setting))[2:]
"""What there is to choose besides freeze depth and rate."""
DEFAULTS = {field.name: field.default for field in fields(Setting)[2:]}
"""What each of them is where nothing is said."""
BELOW_THE_HEAD = (
    "layer_decay",
    "stochastic_depth",
    "backbone_rate",
    "l2_sp",
    "gradient_checkpointing",
    "batch_norm",
    "tuning",
    "surgical",
    "lora_rank",
    "phases",
)
"""Those that say nothing where the head alone is trained: they are at their defaults there."""


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """All that is asked of a fit.

    With equal recipes and data two fits end with equal bits, on a CPU.
    """

    setting: Setting
    epochs: int
    """At most; the schedule of the rate is as long."""
    patience: int
    """Epochs without a better validation score after which a fit ends; `epochs`: never."""
    seed: int
    precision: Precision = "auto"

    @property
    def digest(self) -> str:
        """SHA-256 of all that is asked."""
        return hashlib.sha256(files.canonical(asdict(self))).hexdigest()


@dataclass(frozen=True, kw_only=True)
class Best(Document):
    """`build/search/best.yaml`: what the search chose, for `train`."""

    comment: ClassVar[str] = "The setting that `train` uses."

    layer: str
    """The first that is trained."""
    batch_size: int
    setting: Setting
