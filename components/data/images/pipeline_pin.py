"""What `data/pipeline.yaml` must say of a person's own augmentation; imports nothing heavy."""

from pathlib import Path
from typing import Any

from components.frame import files
from components.frame.errors import DataError, UsageError

POLICIES = ("light", "trivial", "rand")
"""Of augmentation; anything else names a file."""
LARGEST = 2**16
"""Bytes of such a file."""
Pipeline = dict[str, Any]
"""As `albumentations.to_dict` gives it."""


def pipeline_pin(policy: str) -> dict[str, Pipeline | None]:
    """The pin of the policy that is asked for: the whole pipeline in a file, or none.

    Args:
        policy: as `params/augment.yaml` has it.

    Raises:
        UsageError: there is no such file, or it is no YAML.
        DataError: it holds no pipeline.
    """
    return {"pipeline": None if policy in POLICIES else _read(Path(policy))}


def _read(path: Path) -> Pipeline:
    if not path.is_file():
        raise UsageError(
            f"augment.policy must be {', '.join(POLICIES)} or a file, but there is none at {path}."
        )
    if path.stat().st_size > LARGEST:
        raise DataError(
            f"augment.policy: {path} must be a pipeline of up to {LARGEST:,} bytes, but has "
            f"{path.stat().st_size:,}."
        )
    try:
        content = files.read_json(path) if path.suffix == ".json" else files.read_yaml(path)
    except (ValueError, RecursionError) as error:
        raise DataError(f"augment.policy: {path} must be valid JSON, but: {error}.") from None
    if not (isinstance(content, dict) and isinstance(content.get("transform"), dict)):
        raise DataError(
            f"augment.policy: {path} must hold `transform`, as albumentations.save(pipeline, "
            f"{path.name!r}) writes it, but does not."
        )
    return content
