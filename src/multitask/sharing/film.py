"""A scale and a shift of each shared feature for each task."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from multitask.encoders.forms import Form
from multitask.sharing.task_parts import TaskParts


class FiLM(TaskParts):
    """Feature-wise linear modulation (Perez et al., 2018, equation 2), conditioned on the task.

    Task t sees ``s_t * z + b_t`` of the representation z, with a learned scale and shift for each
    feature, or each channel of maps. The scale is stored as its difference from 1, as in section
    4.2 of the paper, so weight decay pulls towards hard sharing, where training starts. A linear
    head could learn the same on its own: the scheme is useful before heads with hidden layers, and
    before dense ones.

    Balancers at the representation compare gradients of z; at level ``shared``, gradients of the
    encoder's parameters. Each task's scales and shifts are only trained by its own loss.

    Args:
        form: see `Sharing`; a vector, maps or tokens.
        tasks: see `Sharing`.

    Raises:
        InputError: if the encoder returns another form.
    """

    def __init__(self, form: Form, tasks: list[str]) -> None:
        super().__init__(form, tasks, Modulation)


class Modulation(nn.Module):
    """A scale and a shift for each feature, initially 1 and 0.

    Args:
        features: number of features.
        axis: axis of the features: 1 for maps, -1 otherwise.
    """

    def __init__(self, features: int, axis: int) -> None:
        super().__init__()
        self.shape = (features, 1, 1) if axis == 1 else (features,)
        self.factor = nn.Parameter(torch.zeros(features))
        self.shift = nn.Parameter(torch.zeros(features))

    def forward(self, values: Tensor) -> Tensor:
        """Change a tensor; the shape stays the same."""
        return (1 + self.factor.view(self.shape)) * values + self.shift.view(self.shape)
