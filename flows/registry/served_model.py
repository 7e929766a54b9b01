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


class ServedModel(PythonModel):  # type: ignore[misc]  # MLflow has no types
    """Encoded images in, a table of answers out: a row an image, as the task serves them."""

    def load_context(self, context: Any) -> None:  # noqa: ANN401  # MLflow's own type
        """Build the network from its weights and its description."""
        from pathlib import Path

        from safetensors.torch import load_file

        from components.data.images.transform import Transform
        from components.model import backbone
        from components.model.description import NetworkDescription
        from components.tasks import registry

        network = NetworkDescription.read(Path(context.artifacts["network"]))
        state = load_file(context.artifacts["weights"])
        self.task = registry.from_description(network.task)
        self.transform = Transform.from_dict(network.transform)
        self.model = backbone.trained(network, state, self.task.outputs, self.transform.size)

    def predict(
        self,
        context: Any,  # noqa: ANN401, ARG002  # MLflow's own type
        model_input: pd.DataFrame,
        params: dict[str, Any] | None = None,  # noqa: ARG002  # as MLflow calls it
    ) -> pd.DataFrame:
        """Answer for each image.

        Raises:
            MlflowException: BAD_REQUEST; there is no image, or one cannot be used.
        """
        import numpy as np

        images = list(model_input[IMAGE])
        if not images:
            raise _bad("At least one image must be sent, but the batch is empty.")
        return self.task.served(np.concatenate([self._answers(part) for part in _parts(images)]))

    def _answers(self, images: list[tuple[int, Any]]) -> Any:  # noqa: ANN401  # an array
        import numpy as np

        from components.model.predict import answers

        batch = np.stack([self._prepared(number, content) for number, content in images])
        return answers(self.model, batch, self.task.answers)

    def _prepared(self, number: int, content: Any) -> Any:  # noqa: ANN401  # whatever was sent
        from components.data.images import costs, decoder

        if not isinstance(content, bytes):
            raise _bad(f"Image {number} must be the bytes of a file, but is {type(content)}.")
        try:
            return self.transform(decoder.decode(content))
        except costs.UnreadableImageError as error:
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
