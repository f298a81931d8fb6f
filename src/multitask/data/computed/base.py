"""The base class of all computed targets, which are functions from samples to samples."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from zlib import crc32

from multitask.data.dataset import BatchDataset
from multitask.geometry import Geometry


class ComputedTargets(ABC):
    """Adds targets that require no annotation."""

    geometry: Mapping[str, Geometry] = {}
    """How the new targets follow if an augmentation moves image content, by task."""

    @abstractmethod
    def __call__(
        self, samples: BatchDataset, seed: int, geometry: Mapping[str, Geometry]
    ) -> BatchDataset:
        """Add targets, and change the inputs if the targets require it.

        Args:
            samples: inputs and existing targets; the object is not modified.
            seed: seed of the random numbers; it differs between the parts of a data set.
            geometry: how the existing targets follow if the images are moved, by task.

        Returns:
            The same samples in the same order, with additional targets.

        Raises:
            InputError: if the targets cannot be computed from these samples.
        """


def part_seed(seed: int, part: str) -> int:
    """Derive a different seed for each part of a data set.

    Args:
        seed: seed of the data.
        part: name of the part, such as ``train``.
    """
    return (seed * 1_000_003 + crc32(part.encode())) % 2**63
