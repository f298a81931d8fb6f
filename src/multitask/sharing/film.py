"""A factor and a shift of each shared feature for each task."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from multitask.encoders.forms import Form
from multitask.sharing.task_parts import TaskParts


class FiLM(TaskParts):
    """Feature-wise linear modulation (Perez et al., 2018, equation 2), conditioned on the task.

    Task t sees ``s_t * z + b_t`` of the representation z, with a learned factor and shift for each
    feature; of maps for each channel. The factor is kept as its distance from 1, as in section 4.2
    there, so that weight decay pulls to hard sharing, where it begins. A linear head could learn
    the same by itself: it adds something before heads with hidden layers, and before dense ones.

    Balancers at the representation compare gradients of z; at level ``shared``, of the encoder's
    parameters. Factors and shifts learn from their own task alone.

    Args:
        form: see `Sharing`; a vector, maps or tokens.
        tasks: see `Sharing`.

    Raises:
        InputError: if the encoder gives something else.
    """

    def __init__(self, form: Form, tasks: list[str]) -> None:
        super().__init__(form, tasks, Modulation)


class Modulation(nn.Module):
    """A factor and a shift for each feature, 1 and 0 at first.

    Args:
        features: their number.
        axis: where they are, 1 of maps and -1 of others.
    """

    def __init__(self, features: int, axis: int) -> None:
        super().__init__()
        self.shape = (features, 1, 1) if axis == 1 else (features,)
        self.factor = nn.Parameter(torch.zeros(features))
        self.shift = nn.Parameter(torch.zeros(features))

    def forward(self, values: Tensor) -> Tensor:
        """Change a tensor; the shape stays."""
        return (1 + self.factor.view(self.shape)) * values + self.shift.view(self.shape)
