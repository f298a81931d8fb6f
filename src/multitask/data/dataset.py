"""Data sets that are read by batch."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping

import torch
from torch import Tensor
from torch.utils.data import Dataset

from multitask.data.fingerprints import Fingerprints, of_values
from multitask.data.targets import Targets
from multitask.errors import InputError
from multitask.missing_labels import is_missing

ROWS = 1024
"""Number of samples that are read at a time when all of them are needed."""

Batch = dict[str, Tensor]
"""The inputs by name, ``index`` (indices of the samples in their split) and one entry per task.

In training also ``@place``: positions of the samples among all samples of the run.
"""


class BatchDataset(Dataset[Batch], ABC):
    """One split with inputs and targets, read by batch.

    A subclass implements `images` if images are its only input, and otherwise `inputs`.

    Args:
        targets: the targets of all samples by task, as tensors or as objects that are read by
            batch.
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
            indices: indices of the samples in this split, shape ``[batch]``, int64.

        Returns:
            Shape ``[batch, channels, height, width]``, uint8 or floating.
        """
        return self.inputs(indices)["image"]

    def inputs(self, indices: Tensor) -> dict[str, Tensor]:
        """Read all inputs that an encoder may accept.

        Args:
            indices: indices of the samples in this split, shape ``[batch]``, int64.

        Returns:
            The inputs by name, first axis ``[batch]``. Images are named ``image``.
        """
        return {"image": self.images(indices)}

    def one_input(self, name: str, indices: Tensor) -> Tensor:
        """Read one input; overridden by data sets that need not read the others for it.

        Args:
            name: name of the input.
            indices: see `inputs`.

        Returns:
            First axis ``[batch]``.
        """
        return self.images(indices) if name == "image" else self.inputs(indices)[name]

    def lacking(self, name: str) -> Tensor:
        """Return which samples lack an input; by default no images, since reading all is slow.

        Args:
            name: name of the input.

        Returns:
            Shape ``[samples]``, bool.
        """
        if name == "image" or not len(self):
            return torch.zeros(len(self), dtype=torch.bool)
        rows = torch.arange(len(self)).split(ROWS)
        return torch.cat([is_missing(self.one_input(name, each)) for each in rows])

    def input_fingerprints(self) -> dict[str, Fingerprints]:
        """Fingerprints of the inputs by name, if available without reading files.

        A run is not resumed if they have changed since it began.
        """
        return {}

    def __getitem__(self, indices: Tensor) -> Batch:
        """Assemble a batch from sample indices of shape ``[batch]``, int64."""
        targets = {name: values[indices] for name, values in self.targets.items()}
        return {**self.inputs(indices), "index": indices, **targets}


class InMemory(BatchDataset):
    """Inputs held in memory, one tensor per input.

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
                "input, and the same number of samples for each"
            )

    def __len__(self) -> int:
        return len(next(iter(self._inputs.values())))

    def images(self, indices: Tensor) -> Tensor:
        # This copies whole images, several times as fast as indexing by a tensor.
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
