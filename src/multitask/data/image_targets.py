"""The images themselves as targets of a task."""

from __future__ import annotations

import torch
from torch import Tensor

from multitask.data.dataset import BatchDataset
from multitask.errors import InputError


class ImageTargets:
    """Targets that are a split's images before any augmentation.

    They are read with each batch, so that no copy is held in memory.

    Args:
        samples: the split.

    Raises:
        InputError: if it has no images.
    """

    def __init__(self, samples: BatchDataset) -> None:
        if "image" not in samples.inputs(torch.tensor([0])):
            raise InputError(
                "image_as turns the images into targets, but these data have no input 'image'; "
                "remove it"
            )
        self._samples = samples

    def __len__(self) -> int:
        return len(self._samples)

    def __getitem__(self, indices: Tensor, /) -> Tensor:
        """Read images.

        Args:
            indices: indices of samples, shape ``[batch]``, int64.

        Returns:
            Shape ``[batch, channels, height, width]``, floating; bytes are scaled to 0 to 1,
            float32.
        """
        images = self._samples.images(indices)
        return images.float().div_(255) if images.dtype == torch.uint8 else images


def with_images(splits: dict[str, BatchDataset], task: str) -> None:
    """Add the images of each split to its targets.

    Args:
        splits: the splits by name.
        task: name of the new targets.

    Raises:
        InputError: if targets of that name exist already, or there are no images.
    """
    for samples in splits.values():
        if task in samples.targets:
            raise InputError(
                f"image_as is '{task}', but the data already have a target with that name; choose "
                "another"
            )
        samples.targets[task] = ImageTargets(samples)
