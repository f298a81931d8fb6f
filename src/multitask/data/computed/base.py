"""What all computed targets are: a function from samples to samples."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from zlib import crc32

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
        """Add targets, and change the inputs where the targets need it.

        Args:
            samples: inputs and the targets that there are already; they stay as they are.
            seed: of what is drawn; each part of a data set has another.
            geometry: how the targets that there are follow where the images are moved, by task.

        Returns:
            As many samples in the same order, with more targets.

        Raises:
            InputError: if these samples do not allow it.
        """


def part_seed(seed: int, part: str) -> int:
    """The seed of what is drawn for one part of a data set: another for each part.

    Args:
        seed: of the data.
        part: its name, such as ``train``.
    """
    return (seed * 1_000_003 + crc32(part.encode())) % 2**63
