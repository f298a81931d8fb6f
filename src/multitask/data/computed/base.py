"""What all computed targets are: a function from samples to samples."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping

from multitask.data.dataset import BatchDataset
from multitask.geometry import Geometry


class ComputedTargets(ABC):
    """Adds targets that no person has to give."""

    geometry: Mapping[str, Geometry] = {}
    """How the new targets follow where an augmentation moves what the images show, by task."""

    @abstractmethod
    def __call__(
        self, samples: BatchDataset, seed: int, geometry: Mapping[str, Geometry]
    ) -> BatchDataset:
        """Add targets, and change the images where the targets need it.

        Args:
            samples: images and the targets that there are already; they stay as they are.
            seed: of what is drawn; each part of a data set has another.
            geometry: how the targets that there are follow where the images are moved, by task.

        Returns:
            As many samples in the same order, with more targets.

        Raises:
            InputError: if these samples do not allow it.
        """
