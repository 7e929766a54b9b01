"""An exponential moving average of the weights (Polyak and Juditsky, SIAM J. Control 30, 1992)."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, ClassVar, Self

from timm.utils.model_ema import ModelEmaV3
from torch import Tensor, nn

from components.frame.errors import InertError
from components.model.groups import Group
from components.tasks.task import Task
from components.training import checkpoint
from components.training.recipe import Setting
from components.training.techniques.technique import Technique, Tensors


class Ema(Technique):
    """Averages what trains, after every step; the average is validated and kept.

    Training goes on with the weights themselves. The decay rises to the one asked for, by timm's
    `ModelEmaV3`: 1 - (1 + n)^(-2/3) after n steps, so that a short fit does not average in what it
    started from. Statistics of batch normalisation are averaged too, and counters are copied.
    """

    name: ClassVar[str] = "ema"

    def __init__(self, decay: float) -> None:
        """`decay`: the highest, above 0, below 1."""
        self.decay = decay
        self.reached = 0.0
        """The highest decay that was in force."""
        self._steps = 0

    @classmethod
    def asked(cls, setting: Setting, task: Task) -> Self | None:
        """Where the decay is above zero."""
        return cls(setting.ema) if setting.ema else None

    def begin(self, model: nn.Module, groups: Sequence[Group]) -> None:
        """Start from the network as it is; the first step replaces it."""
        self._moving = _Moving(model)
        self._average = ModelEmaV3(self._moving, decay=self.decay, use_warmup=True)

    @contextmanager
    def around_step(self, model: nn.Module, step: int) -> Iterator[None]:
        """Average in what the step of this number, from 0, ends with."""
        yield
        self._steps = step + 1
        self.reached = self._average.get_decay(self._steps)
        self._average.update(self._moving, self._steps)

    @contextmanager
    def around_validation(self, model: nn.Module) -> Iterator[None]:
        """The average in the network's place."""
        raw = checkpoint.model_state(model)
        checkpoint.restore_model(model, self.state())
        try:
            yield
        finally:
            checkpoint.restore_model(model, raw)

    def state(self) -> Tensors:
        """The average, by the names that the network has."""
        return {_dotted(name): value for name, value in self._average.module.state_dict().items()}

    def restore(self, state: Mapping[str, Tensor]) -> None:
        """Put the average back."""
        self._average.module.load_state_dict({_flat(k): v for k, v in state.items()}, strict=True)

    def in_force(self) -> dict[str, Any]:
        """The decay asked for, the one that was reached, and how many tensors are averaged.

        Raises:
            InertError: no step was averaged.
        """
        if not self._steps:
            raise InertError(f"an ema of {self.decay:g} was asked for, but nothing was averaged")
        tensors = len(self._average.module.state_dict())
        return {"decay": self.decay, "decay_reached": self.reached, "tensors": tensors}


class _Moving(nn.Module):
    """What training moves of a network, the very tensors: the rest need not be averaged."""

    def __init__(self, model: nn.Module) -> None:
        super().__init__()
        parameters, buffers = dict(model.named_parameters()), checkpoint.buffers(model)
        for name in checkpoint.model_state(model):
            if name in parameters:
                self.register_parameter(_flat(name), parameters[name])
            else:
                self.register_buffer(_flat(name), buffers[name])


def _flat(name: str) -> str:
    """A parameter's name as a module may have it in itself."""
    return name.replace(".", "/")


def _dotted(name: str) -> str:
    return name.replace("/", ".")
