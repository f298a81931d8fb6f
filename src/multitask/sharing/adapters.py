"""A small network beside the shared representation for each task."""

from __future__ import annotations

from functools import partial

from torch import Tensor, nn

from multitask.encoders.forms import Form
from multitask.errors import InputError
from multitask.sharing.task_parts import TaskParts


class Adapters(TaskParts):
    """Adapters (Rebuffi et al., 2017, "Learning multiple visual domains with residual adapters").

    Task t sees ``z + up_t(relu(down_t(z)))`` of the representation z: a bottleneck beside the
    identity, the form of Houlsby et al. (2019, section 2.1). The papers put adapters into each
    layer of a network; here there is one behind the encoder, so that the encoder runs once for all
    tasks. ``up_t`` starts at 0, which is hard sharing. Each map has its own adapter of 1x1
    convolutions; all tokens share one adapter.

    Balancers at the representation compare gradients of z; at level ``shared``, of the encoder's
    parameters. The adapters learn from their own task alone.

    Args:
        form: see `Sharing`; a vector, maps or tokens.
        tasks: see `Sharing`.
        width: number of features within the bottleneck.

    Raises:
        InputError: if the encoder gives something else, or the width is below 1.
    """

    def __init__(self, form: Form, tasks: list[str], width: int = 16) -> None:
        if width < 1:
            raise InputError(f"width is {width}; an adapter's bottleneck has at least 1 feature")
        super().__init__(form, tasks, partial(Adapter, width))


class Adapter(nn.Module):
    """A bottleneck beside the identity, which it is at first.

    Args:
        width: number of features within.
        features: of the tensor.
        axis: of its features, 1 of maps and -1 of others.
    """

    def __init__(self, width: int, features: int, axis: int) -> None:
        super().__init__()
        layer = partial(nn.Conv2d, kernel_size=1) if axis == 1 else nn.Linear
        self.down, self.up = layer(features, width), layer(width, features)
        for each in self.up.parameters():
            nn.init.zeros_(each)

    def forward(self, values: Tensor) -> Tensor:
        """Change a tensor; the shape stays."""
        return values + self.up(self.down(values).relu())
