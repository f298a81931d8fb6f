"""Data that is read a batch at a time."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping

import torch
from torch import Tensor
from torch.utils.data import Dataset

from multitask.data.fingerprints import Fingerprints, of_values
from multitask.data.targets import Targets
from multitask.errors import InputError
from multitask.labels import is_missing

ROWS = 1024
"""Samples that are read at a time where all of them must be."""

Batch = dict[str, Tensor]
"""The inputs by name, ``index`` (the samples' places in their split) and one entry for each task.

In training also ``@place``: the samples' places among all samples of the run.
"""


class BatchDataset(Dataset[Batch], ABC):
    """One split: its inputs and targets, read by batch.

    A subclass has the method `images` if images are its only input, and else `inputs`.

    Args:
        targets: each task's targets for all samples, a tensor or anything that is read by batch.
    """

    def __init__(self, targets: Mapping[str, Targets]) -> None:
        kind = type(self)
        if kind.images is BatchDataset.images and kind.inputs is BatchDataset.inputs:
            raise TypeError(f"{kind.__name__} has no inputs: define its method images or inputs")
        self.targets = dict(targets)

    @abstractmethod
    def __len__(self) -> int:
        """Number of samples."""

    def images(self, indices: Tensor) -> Tensor:
        """Read images.

        Args:
            indices: the samples' places in this split, shape ``[batch]``, int64.

        Returns:
            Shape ``[batch, channels, height, width]``, uint8 or floating.
        """
        return self.inputs(indices)["image"]

    def inputs(self, indices: Tensor) -> dict[str, Tensor]:
        """Read everything that an encoder may take.

        Args:
            indices: the samples' places in this split, shape ``[batch]``, int64.

        Returns:
            By name, first axis ``[batch]``. Images are called ``image``.
        """
        return {"image": self.images(indices)}

    def one_input(self, name: str, indices: Tensor) -> Tensor:
        """Read one of the inputs; a data set that need not read the others says how.

        Args:
            name: of the input.
            indices: see `inputs`.

        Returns:
            First axis ``[batch]``.
        """
        return self.images(indices) if name == "image" else self.inputs(indices)[name]

    def lacking(self, name: str) -> Tensor:
        """Which samples lack an input; images by default none, as to read all would take long.

        Args:
            name: of the input.

        Returns:
            Shape ``[samples]``, bool.
        """
        if name == "image" or not len(self):
            return torch.zeros(len(self), dtype=torch.bool)
        rows = torch.arange(len(self)).split(ROWS)
        return torch.cat([is_missing(self.one_input(name, each)) for each in rows])

    def input_fingerprints(self) -> dict[str, Fingerprints]:
        """What tells the samples' inputs apart, by name, if it is known without reading files.

        A resumed run is refused if they have changed since it began.
        """
        return {}

    def __getitem__(self, indices: Tensor) -> Batch:
        """Assemble a batch by its samples' indices, shape ``[batch]``, int64."""
        targets = {name: values[indices] for name, values in self.targets.items()}
        return {**self.inputs(indices), "index": indices, **targets}


class InMemory(BatchDataset):
    """Inputs that lie in memory, each as one tensor.

    Args:
        inputs: images ``[samples, channels, height, width]``, uint8 or floating; or several inputs
            by name, first axis ``[samples]``, such as ``{"image": ..., "numbers": ...}``.
        targets: see `BatchDataset`.
    """

    def __init__(
        self, inputs: Tensor | Mapping[str, Tensor], targets: Mapping[str, Targets]
    ) -> None:
        super().__init__(targets)
        self._inputs = {"image": inputs} if isinstance(inputs, Tensor) else dict(inputs)
        sizes = {name: len(values) for name, values in self._inputs.items()}
        if len(set(sizes.values())) != 1:
            raise InputError(
                f"InMemory has inputs with these numbers of samples: {sizes}; give at least one "
                "input, and as many samples of each"
            )

    def __len__(self) -> int:
        return len(next(iter(self._inputs.values())))

    def images(self, indices: Tensor) -> Tensor:
        # Copies whole images, several times as fast as indexing by a tensor does.
        return self._inputs["image"].index_select(0, indices)

    def inputs(self, indices: Tensor) -> dict[str, Tensor]:
        return {name: self.one_input(name, indices) for name in self._inputs}

    def one_input(self, name: str, indices: Tensor) -> Tensor:
        images = name == "image"
        return self.images(indices) if images else self._inputs[name].index_select(0, indices)

    def lacking(self, name: str) -> Tensor:
        return is_missing(self._inputs[name])

    def input_fingerprints(self) -> dict[str, Fingerprints]:
        return {name: of_values(values) for name, values in self._inputs.items()}
