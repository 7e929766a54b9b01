"""What search and train read alike: the split images and the network that every fit starts from."""

from dataclasses import dataclass
from pathlib import Path

from components.frame.work import Work
from components.model.description import output_names
from components.tasks.registry import described
from components.training.images import Images, open_images
from components.training.pretrained import Pretrained
from components.training.progress import progress


@dataclass(frozen=True, kw_only=True)
class Inputs:
    """The files, as the stages before wrote them."""

    splits: Path
    raw: Path
    model: Path
    config: Path
    augmentation: Path

    def opened(self, stage: str, work: Work) -> tuple[Images, Pretrained]:
        """The images, decoded, and the network to start from."""
        told = progress(work.events, stage, "decoded")
        images = open_images(self.splits, self.raw, self.augmentation, work.cache, told)
        outputs, size = images.task.outputs, images.transform.size
        names = output_names(described(images.task))
        return images, Pretrained.read(self.model, self.config, outputs, size, names)
