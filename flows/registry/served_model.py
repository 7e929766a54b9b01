"""The code that a registered model runs: MLflow copies this file, and what it imports, into it.

It stands alone there: nothing but the packages of the model's requirements and its own copy of the
part of `components` that it imports. The input's column `image` holds encoded images.
"""

from collections.abc import Iterator
from typing import Any

import pandas as pd
from mlflow.exceptions import MlflowException
from mlflow.models import set_model
from mlflow.protos.databricks_pb2 import BAD_REQUEST
from mlflow.pyfunc import PythonModel

IMAGE = "image"
IMAGES_AT_ONCE = 32
"""So many are decoded and held at a time, however many are sent."""
LARGEST_FILE = 100_000_000
"""Bytes of one encoded image."""


class ServedModel(PythonModel):  # type: ignore[misc]  # MLflow has no types
    """Encoded images in, class names and probabilities out."""

    def load_context(self, context: Any) -> None:  # noqa: ANN401  # MLflow's own type
        """Build the network from its weights and its description."""
        from pathlib import Path

        from safetensors.torch import load_file

        from components.data.images.transform import Transform
        from components.model import backbone
        from components.model.description import NetworkDescription

        network = NetworkDescription.read(Path(context.artifacts["network"]))
        self.classes = network.task["classes"]
        self.transform = Transform.from_dict(network.transform)
        state = load_file(context.artifacts["weights"])
        self.model = backbone.trained(network, state, len(self.classes))

    def predict(
        self,
        context: Any,  # noqa: ANN401, ARG002  # MLflow's own type
        model_input: pd.DataFrame,
        params: dict[str, Any] | None = None,  # noqa: ARG002
    ) -> pd.DataFrame:
        """Name the class of each image, with the probability of every class.

        Raises:
            MlflowException: BAD_REQUEST; there is no image, or one cannot be used.
        """
        import numpy as np

        images = list(model_input[IMAGE])
        if not images:
            raise _bad("At least one image must be sent, but the batch is empty.")
        scores = np.concatenate([self._probabilities(part) for part in _parts(images)])
        table = pd.DataFrame(scores, columns=[f"probability_{name}" for name in self.classes])
        table.insert(0, "class", [self.classes[index] for index in scores.argmax(axis=1)])
        return table

    def _probabilities(self, images: list[tuple[int, Any]]) -> Any:  # noqa: ANN401  # an array
        import numpy as np
        import torch

        batch = np.stack([self._prepared(number, content) for number, content in images])
        with torch.inference_mode():
            return self.model(torch.from_numpy(batch)).softmax(dim=1).numpy()

    def _prepared(self, number: int, content: Any) -> Any:  # noqa: ANN401  # whatever was sent
        from components.data.images import decoder

        if not isinstance(content, bytes):
            raise _bad(f"Image {number} must be the bytes of a file, but is {type(content)}.")
        if len(content) > LARGEST_FILE:
            raise _bad(f"Image {number} must be below {LARGEST_FILE:,} bytes. Send it smaller.")
        try:
            return self.transform(decoder.decode(content))
        except decoder.UnreadableImageError as error:
            raise _bad(
                f"Image {number} cannot be read ({error}). Send it as PNG or JPEG."
            ) from None


def _parts(images: list[Any]) -> Iterator[list[tuple[int, Any]]]:
    numbered = list(enumerate(images))
    for start in range(0, len(numbered), IMAGES_AT_ONCE):
        yield numbered[start : start + IMAGES_AT_ONCE]


def _bad(sentence: str) -> MlflowException:
    return MlflowException(sentence, error_code=BAD_REQUEST)


set_model(ServedModel())
