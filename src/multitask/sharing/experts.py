"""Experts after an encoder, and gates that mix their outputs."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import Tensor, nn

from multitask.encoders.base import Encoder
from multitask.encoders.forms import Form, Vector
from multitask.errors import InputError
from multitask.sharing.recent_mean import RecentMean

ExpertCallable = Callable[[int, int], nn.Module]
"""Builds an expert from the sizes of its input and of its output."""


class Expert(nn.Sequential):
    """A linear layer with ReLU, the expert of the papers.

    Args:
        in_features: size of the representation.
        out_features: size of the expert's output.
    """

    def __init__(self, in_features: int, out_features: int) -> None:
        super().__init__(nn.Linear(in_features, out_features), nn.ReLU())


class Experts(nn.Module):
    """An encoder followed by experts that all tasks share.

    Args:
        encoder: an encoder that returns a vector.
        experts: the experts; each receives that vector.
        gates_read: whether the tasks' gates read that vector too.
    """

    def __init__(
        self, encoder: Encoder, experts: Sequence[nn.Module], gates_read: bool = True
    ) -> None:
        super().__init__()
        self.encoder, self.experts = encoder, nn.ModuleList(experts)
        self.gates_read = gates_read

    def forward(self, *inputs: Tensor) -> list[Tensor]:
        """Compute the representation, if the gates read it, then each expert's output."""
        representation = self.encoder(*inputs)
        first = [representation] if self.gates_read else []
        return [*first, *(expert(representation) for expert in self.experts)]


class Gate(nn.Linear):
    """Shares of the experts for a sample: a softmax of a linear layer.

    Args:
        in_features: size of the input.
        experts: number of experts.
    """

    def __init__(self, in_features: int, experts: int) -> None:
        super().__init__(in_features, experts)
        self.recent_shares = RecentMean(experts)

    def forward(self, values: Tensor) -> Tensor:
        """Map ``[batch, in_features]`` to shares that sum to 1, ``[batch, experts]``."""
        shares = super().forward(values).softmax(1)
        self.recent_shares.update(shares)
        return shares


def mixed(shares: Tensor, outputs: Sequence[Tensor]) -> Tensor:
    """Mix the outputs of experts.

    Args:
        shares: ``[batch, experts]``, or ``[1, experts]`` if they are the same for all samples.
        outputs: output of each expert, ``[batch, width]``.

    Returns:
        Shape ``[batch, width]``.
    """
    return (shares.unsqueeze(2) * torch.stack(list(outputs), 1)).sum(1)


def expert_names(shared: int, own: int = 0) -> list[str]:
    """Names of a task's experts for figures.

    Args:
        shared: number of experts that all tasks share.
        own: number of the task's own experts.
    """
    of_all = [f"expert {number + 1}" for number in range(shared)]
    return [*of_all, *(f"own expert {number + 1}" for number in range(own))]


def vector_size(form: Form, scheme: str) -> int:
    """The size of the representation, which must be a vector.

    Args:
        form: form of the encoder's output.
        scheme: name of the sharing scheme, for the message.

    Raises:
        InputError: if it is not a vector.
    """
    if not isinstance(form, Vector):
        raise InputError(
            f"{scheme} mixes vectors, but the encoder returns {type(form).__name__.lower()}; "
            "choose an encoder of vectors, such as a multitask.encoders.Several of this one, or "
            "another sharing scheme"
        )
    return form.features
