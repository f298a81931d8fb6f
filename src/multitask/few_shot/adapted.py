"""The result of a learner: an encoder, a head and a task adapted to a support set."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn

from multitask.encoders import Encoder
from multitask.errors import InputError
from multitask.tasks import Task
from multitask.tasks.output import Output, in_full_precision, joined

BATCH = 256
"""Number of samples that pass through a network at a time."""


class Adapted(nn.Module):
    """A network for one task.

    Args:
        encoder: the encoder.
        head: reads the encoder's representation, see `multitask.tasks.Task.build_head`.
        task: the task, with the statistics of the support set.
    """

    def __init__(self, encoder: Encoder, head: nn.Module, task: Task) -> None:
        super().__init__()
        self.encoder, self.head, self.task = encoder, head, task

    def forward(self, *inputs: Tensor) -> Output:
        """Compute raw outputs.

        Args:
            inputs: inputs of the encoder; floats in any precision.

        Returns:
            See `multitask.tasks.Task.loss`; at least float32.
        """
        return self.read(self.encode(*inputs))

    def encode(self, *inputs: Tensor) -> Any:
        """Compute the representation, of the encoder's form; see `forward`."""
        kinds = (each.dtype for each in self.encoder.parameters())
        kind = next((each for each in kinds if each.is_floating_point), torch.float32)
        values = [each.to(kind) if each.is_floating_point() else each for each in inputs]
        return self.encoder(*values)

    def read(self, representation: Any) -> Output:
        """Compute raw outputs from a representation."""
        return in_full_precision(self.head(representation))

    @torch.no_grad()
    def features(self, inputs: Sequence[Tensor]) -> Any:
        """Compute the representation of any number of samples, in the encoder's current mode.

        Args:
            inputs: in the encoder's order, on its device; first axis ``[samples]``.
        """
        parts = zip(*(each.split(BATCH) for each in inputs), strict=True)
        return _joined([self.encode(*each) for each in parts])

    @torch.no_grad()
    def outputs(self, inputs: Sequence[Tensor]) -> Output:
        """Compute raw outputs of a query set, in evaluation mode.

        The outputs of samples do not depend on each other: batch normalisation uses its running
        statistics.

        Args:
            inputs: in the encoder's order, on its device; first axis ``[samples]``.

        Returns:
            See `forward`.

        Raises:
            InputError: if there is no sample.
        """
        if not len(inputs[0]):
            raise InputError("there are no samples to predict; give at least one")
        modes = {module: module.training for module in self.modules()}
        self.eval()
        try:
            parts = zip(*(each.split(BATCH) for each in inputs), strict=True)
            return joined([self(*each) for each in parts])
        finally:
            for module, mode in modes.items():
                module.training = mode

    def predict(self, inputs: Sequence[Tensor]) -> Tensor:
        """Compute predictions for a query set, see `multitask.tasks.Task.predict`.

        Args:
            inputs: see `outputs`.
        """
        return self.task.predict(self.outputs(inputs))


def _joined(parts: Sequence[Any]) -> Any:
    """Join representations, tensors or lists of tensors, along the first axis."""
    if isinstance(parts[0], Tensor):
        return torch.cat(list(parts))
    return [_joined(each) for each in zip(*parts, strict=True)]
