"""A small residual network for each task on the shared representation."""

from __future__ import annotations

from functools import partial

from torch import Tensor, nn

from multitask.encoders.forms import Form
from multitask.errors import InputError
from multitask.sharing.task_parts import TaskParts


class Adapters(TaskParts):
    """Adapters (Rebuffi et al., 2017, "Learning multiple visual domains with residual adapters").

    Task t sees ``z + up_t(relu(down_t(z)))`` of the representation z: a residual bottleneck in the
    form of Houlsby et al. (2019, section 2.1). The papers put adapters into each layer of a
    network; here there is one after the encoder, so that the encoder runs once for all tasks.
    ``up_t`` starts at 0, which is hard sharing. Each map has a separate adapter of 1x1
    convolutions; all tokens share one adapter.

    Balancers at the representation compare gradients of z; at level ``shared``, gradients of the
    encoder's parameters. Each task's adapters are only trained by its own loss.

    Args:
        form: see `Sharing`; a vector, maps or tokens.
        tasks: see `Sharing`.
        width: number of features within the bottleneck.

    Raises:
        InputError: if the encoder returns another form, or the width is below 1.
    """

    def __init__(self, form: Form, tasks: list[str], width: int = 16) -> None:
        if width < 1:
            raise InputError(f"width is {width}; an adapter's bottleneck needs at least 1 feature")
        super().__init__(form, tasks, partial(Adapter, width))


class Adapter(nn.Module):
    """A residual bottleneck, initially the identity.

    Args:
        width: number of features within the bottleneck.
        features: number of features of the tensor.
        axis: axis of its features: 1 for maps, -1 otherwise.
    """

    def __init__(self, width: int, features: int, axis: int) -> None:
        super().__init__()
        layer = partial(nn.Conv2d, kernel_size=1) if axis == 1 else nn.Linear
        self.down, self.up = layer(features, width), layer(width, features)
        for each in self.up.parameters():
            nn.init.zeros_(each)

    def forward(self, values: Tensor) -> Tensor:
        """Change a tensor; the shape stays the same."""
        return values + self.up(self.down(values).relu())
