"""Samples with labels, as an encoder and a task take them."""

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
        inputs: what the encoder takes, in its order, transformed; first axis ``[samples]``.
        target: the task's targets, missing ones included; first axis ``[samples]``.

    Raises:
        InputError: if there is no sample, or not as many inputs as targets.
    """

    inputs: Sequence[Tensor]
    target: Tensor

    def __post_init__(self) -> None:
        """Refuse what is not the same samples."""
        sizes = {len(each) for each in (*self.inputs, self.target)}
        if not self.inputs or len(sizes) != 1 or 0 in sizes:
            raise InputError(
                f"samples need inputs and as many targets, at least one; here are inputs of "
                f"{[len(each) for each in self.inputs]} samples and {len(self.target)} targets"
            )

    def __len__(self) -> int:
        """Number of samples."""
        return len(self.target)

    def __getitem__(self, places: Tensor) -> Samples:
        """Some of the samples, by their places, shape ``[chosen]``, int64."""
        return Samples([each[places] for each in self.inputs], self.target[places])

    def to(self, device: torch.device) -> Samples:
        """The samples on a device, as tensors that can be learned from.

        Args:
            device: where to.
        """
        inputs = [_learnable(each.to(device)) for each in self.inputs]
        return Samples(inputs, _learnable(self.target.to(device)))


def _learnable(values: Tensor) -> Tensor:
    # What was made in inference mode, such as by a test loop, takes no part in a gradient.
    return values.clone() if values.is_inference() else values
