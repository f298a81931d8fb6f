"""A network for each task, whose stages exchange halves of their features."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn

from multitask.encoders.base import Encoder
from multitask.encoders.forms import Form, Maps
from multitask.encoders.stages import feature_axis
from multitask.errors import InputError
from multitask.sharing.columns import whole
from multitask.sharing.mixtures import cross_stitch, weighed
from multitask.sharing.stitching import Stitching

HALVES = 2


class Sluice(Stitching):
    """Sluice networks (Ruder et al., 2019, "Latent Multi-task Architecture Learning").

    Each task has its own encoder, as in `CrossStitch`. The features after each stage are divided
    into two halves by channel. Each half of a task becomes a learned mixture of the halves of all
    tasks, so the tasks can share one half and keep the other private. A penalty keeps the halves
    different: the squared Frobenius norm of ``G_1 G_2^T``, where G_1 and G_2 are the rows of the
    stage's last layer that compute the first and the second half. The paper's mixtures of layers
    (its beta) are omitted.

    Balancers at the representation compare gradients of all encoders' outputs; at level ``shared``,
    gradients of the parameters of all encoders and of all mixtures but the last. The penalty is
    added to the balanced loss.

    Args:
        form: see `Sharing`; the numbers of features must be even.
        tasks: see `Sharing`.
        own: see `CrossStitch`; before training, a half is a mixture of the same half of all tasks.
        orthogonality: factor on the penalty; 0 for none.

    Raises:
        InputError: if ``own`` is not from 0 to 1, ``orthogonality`` is negative, a stage returns an
            odd number of features, or the encoders would share a network.
    """

    def __init__(
        self, form: Form, tasks: list[str], own: float = 0.9, orthogonality: float = 0.1
    ) -> None:
        super().__init__(form, tasks)
        if not 0 <= orthogonality < float("inf"):
            raise InputError(f"orthogonality is {orthogonality}; give 0 or more")
        for features in form.channels if isinstance(form, Maps) else [form.features]:
            _check_even(features)
        self.own_share, self.orthogonality = own, orthogonality
        self.mixture = nn.Parameter(_halves(len(tasks), own))
        # In a tuple: they are children of the trunk.
        self._layers: tuple[nn.Module, ...] = ()

    @property
    def parts(self) -> list[str]:
        return [f"{each}, {half} half" for each in super().parts for half in ("first", "second")]

    def mixtures(self, encoder: Encoder, count: int) -> list[nn.Parameter]:
        for features in encoder.stage_features():
            _check_even(features)
        return [nn.Parameter(_halves(len(self.tasks), self.own_share)) for _ in range(count)]

    def trunk(self, encoder: Encoder) -> nn.Module:
        trunk: Any = super().trunk(encoder)
        if self.orthogonality:
            columns: list[Encoder] = [*trunk.columns.values()]
            self._layers = (*(layer for each in columns for layer in _layers(each)),)
        return trunk

    @staticmethod
    def mix(row: Tensor, values: Sequence[Tensor]) -> Tensor:
        axis = feature_axis(values[0])
        _check_even(values[0].shape[axis])
        halves = [half for value in values for half in value.chunk(HALVES, axis)]
        mixed = [weighed(shares, halves) for shares in row.flatten(1)]
        return torch.cat(mixed, axis)

    def shares(self, mixture: Tensor) -> Tensor:
        """Shares of each half of each task, averaged over a task's two halves."""
        return mixture.mean(1).flatten(1)

    def penalty(self) -> Tensor | None:
        weights: list[Any] = [each.weight for each in self._layers]
        learnt = [each for each in weights if each.requires_grad]
        if not self.orthogonality or not learnt:
            return None
        with torch.autocast(learnt[0].device.type, enabled=False):
            norms = [_overlap(whole(each).flatten(1)) for each in learnt]
        return self.orthogonality * torch.stack(norms).sum()


def _overlap(weight: Tensor) -> Tensor:
    first, second = weight.chunk(HALVES)
    return (first @ second.T).square().sum()


def _halves(tasks: int, own: float) -> Tensor:
    """By task, half, source task and source half."""
    return cross_stitch(tasks, own)[:, None, :, None] * torch.eye(HALVES)[None, :, None, :]


def _layers(encoder: Encoder) -> list[nn.Module]:
    """By stage, the last layer that computes its features."""
    stages, sizes = encoder.stages(), encoder.stage_features()
    wanted = [*(sizes if len(sizes) == len(stages) - 1 else [None] * (len(stages) - 1))]
    found = [_last_layer(each, size) for each, size in zip(stages, wanted, strict=False)]
    size = encoder.form.features
    # A method of the network may call the layer, which then does not belong to any stage.
    found.append(_last_layer(stages[-1], size) or _last_layer(encoder, size))
    for place, each in enumerate(found, 1):
        if each is None:
            raise InputError(
                f"Sluice: stage {place} of the encoder {type(encoder).__name__} has no layer "
                "whose rows divide into the two halves of its features; set orthogonality to 0, or "
                "choose CrossStitch"
            )
    return [each for each in found if each is not None]


def _last_layer(part: nn.Module, features: int | None) -> nn.Module | None:
    for each in reversed([*part.modules()]):
        weight = getattr(each, "weight", None)
        if not isinstance(weight, Tensor) or weight.ndim < 2:
            continue
        if len(weight) == features or (features is None and len(weight) % HALVES == 0):
            return each
    return None


def _check_even(features: int) -> None:
    if features % HALVES:
        raise InputError(
            f"Sluice divides features into two halves, but a stage returns {features}; choose an "
            "encoder with even numbers of features, or CrossStitch"
        )
