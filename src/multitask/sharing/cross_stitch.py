"""A network for each task, whose stages exchange features."""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor, nn

from multitask.encoders.base import Encoder
from multitask.encoders.forms import Form
from multitask.sharing.mixtures import cross_stitch, weighed
from multitask.sharing.stitching import Stitching


class CrossStitch(Stitching):
    """Cross-stitch networks (Misra et al., 2016, equation 1).

    Each task has its own encoder, built with the same settings. Random weights differ; pretrained
    weights, including those of another run or of a file, are the same, and weights loaded after the
    encoder was built are only used by the first task's encoder. After each of an encoder's stages
    but the last, a task's activations become a learned mixture of those of all tasks; the last
    mixture is task-specific. An encoder without stages is mixed only at the end, with a warning.

    Balancers at the representation compare gradients of all encoders' outputs; at level ``shared``,
    gradients of the parameters of all encoders and of all mixtures but the last. The paper uses 100
    to 1000 times the learning rate for the mixtures.

    Args:
        form: see `Sharing`.
        tasks: see `Sharing`.
        own: share of a task's own features in its mixture before training, from 0 to 1; the others
            share the rest equally.

    Raises:
        InputError: if ``own`` is not from 0 to 1, or the encoders would share a network.
    """

    def __init__(self, form: Form, tasks: list[str], own: float = 0.9) -> None:
        super().__init__(form, tasks)
        self.own_share = own
        self.mixture = nn.Parameter(cross_stitch(len(tasks), own))

    def mixtures(self, encoder: Encoder, count: int) -> list[nn.Parameter]:
        tasks = len(self.tasks)
        return [nn.Parameter(cross_stitch(tasks, self.own_share)) for _ in range(count)]

    @staticmethod
    def mix(row: Tensor, values: Sequence[Tensor]) -> Tensor:
        return weighed(row, values)

    def shares(self, mixture: Tensor) -> Tensor:
        return mixture
