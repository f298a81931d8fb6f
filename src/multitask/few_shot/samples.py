"""Labelled samples for an encoder and a task."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from multitask.errors import InputError


@dataclass(frozen=True)
class Samples:
    """A few samples, such as a support set.

    Args:
        inputs: transformed inputs of the encoder, in its order; first axis ``[samples]``.
        target: the task's targets, missing ones included; first axis ``[samples]``.

    Raises:
        InputError: if there are no samples, or the numbers of inputs and targets differ.
    """

    inputs: Sequence[Tensor]
    target: Tensor

    def __post_init__(self) -> None:
        """Reject inputs and targets that do not match."""
        sizes = {len(each) for each in (*self.inputs, self.target)}
        if not self.inputs or len(sizes) != 1 or 0 in sizes:
            raise InputError(
                f"samples need inputs and the same number of targets, at least one; got inputs of "
                f"{[len(each) for each in self.inputs]} samples and {len(self.target)} targets"
            )

    def __len__(self) -> int:
        """Number of samples."""
        return len(self.target)

    def __getitem__(self, places: Tensor) -> Samples:
        """Select samples by their indices, shape ``[chosen]``, int64."""
        return Samples([each[places] for each in self.inputs], self.target[places])

    def to(self, device: torch.device) -> Samples:
        """Move the samples to a device, as tensors that gradients can be computed for.

        Args:
            device: target device.
        """
        inputs = [_learnable(each.to(device)) for each in self.inputs]
        return Samples(inputs, _learnable(self.target.to(device)))


def _learnable(values: Tensor) -> Tensor:
    # Tensors created in inference mode, for example by a test loop, have no gradients.
    return values.clone() if values.is_inference() else values
