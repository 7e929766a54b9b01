"""Weights of a file that a person names: .safetensors, or a trainer's checkpoint."""

from components.frame.errors import DataError, UsageError
from components.model.backbone import check_architecture
from components.model.weights.checkpoint import weights_of
from components.model.weights.file import read
from components.model.weights.network import Network
from components.model.weights.place import AUTO, file_of
from components.model.weights.pretrained import PretrainedWeights
from components.model.weights.stated import check_arguments


def local(source: str, architecture: str) -> PretrainedWeights:
    """A file's weights, for the architecture that it states or that is named.

    What had to be done to find them in a checkpoint is printed, a line each.

    Raises:
        UsageError: it states none, and none is named.
        DataError: it is no whole file of weights, or is for another architecture than the named.
    """
    path = file_of(source)
    content, facts = read(path)
    stated = facts.pop("architecture", architecture)
    if stated == AUTO:
        raise UsageError(
            f"params/base.yaml: architecture must be named, since {path.name} does not state it. "
            "Name timm's model: thawline run --set base.architecture=NAME"
        )
    if architecture not in (AUTO, stated):
        raise DataError(
            f"params/base.yaml: architecture must be `auto` or {stated!r}, which {path.name} "
            f"holds, but is {architecture!r}."
        )
    check_architecture(stated.split(".")[0])
    arguments = facts.get("arguments", {})
    check_arguments(stated, arguments, path.name)
    state, done = weights_of(content, Network.of(stated, arguments), path.name)
    for line in done:
        print(f"{path.name}: {line}")
    return PretrainedWeights(state=state, architecture=stated, **{"source": path.name, **facts})
