"""A network for each task, whose stages fuse the features of all tasks."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import conv2d, linear

from multitask.encoders.base import Encoder
from multitask.encoders.forms import Form, Maps, Tokens, Vector
from multitask.errors import InputError
from multitask.sharing.mixtures import cross_stitch
from multitask.sharing.reached import zero_of
from multitask.sharing.stitching import Stitching


class NDDR(Stitching):
    """Neural discriminative dimensionality reduction (Gao et al., 2019, "NDDR-CNN").

    Each task has its own encoder, as in `CrossStitch`. After each stage a task's features become a
    linear function of those of all tasks, the same at each place of a map: a 1x1 convolution of all
    channels, concatenated. It starts as a cross-stitch, which has one number in place of each
    matrix here: ``T^2 C^2`` numbers for T tasks and C channels. The paper's batch normalisation
    after it is omitted, so that ``own`` of 1 is a separate network for each task.

    Balancers at the representation compare gradients of all encoders' outputs; at level ``shared``,
    gradients of the parameters of all encoders and of all mixtures but the last. The paper uses 100
    times the learning rate for the mixtures.

    Args:
        form: see `Sharing`.
        tasks: see `Sharing`.
        own: see `CrossStitch`.

    Raises:
        InputError: if ``own`` is not from 0 to 1, the encoder does not return a vector, maps or
            tokens, it does not report how many features its stages have, or the encoders would
            share a network.
    """

    def __init__(self, form: Form, tasks: list[str], own: float = 0.9) -> None:
        super().__init__(form, tasks)
        if not isinstance(form, Vector | Maps | Tokens):
            raise InputError(
                f"NDDR mixes vectors, maps and tokens, but the encoder returns a "
                f"{type(form).__name__}; choose another encoder, or CrossStitch"
            )
        self.own_share = own
        sizes = form.channels if isinstance(form, Maps) else [form.features]
        self.mixture = nn.ParameterList([self._new(size) for size in sizes])

    def mixtures(self, encoder: Encoder, count: int) -> list[nn.Parameter]:
        sizes = encoder.stage_features()
        if len(sizes) != count:
            raise InputError(
                f"NDDR has a weight for each feature, and the encoder {type(encoder).__name__} has "
                f"{count + 1} stages but reports the features of {len(sizes)}; override "
                f"stage_features to report those of the first {count}, or choose CrossStitch"
            )
        return [self._new(size) for size in sizes]

    @staticmethod
    def mix(row: Tensor, values: Sequence[Tensor]) -> Tensor:
        if values[0].ndim == 4:
            return conv2d(torch.cat([*values], 1), row[:, :, None, None])
        return linear(torch.cat([*values], -1), row)

    def rows(self) -> Sequence[Any]:
        if isinstance(self.form, Vector):
            return [*self.mixture[0]]
        places: list[Any] = [] if isinstance(self.form, Maps) else [None]
        *finer, last = self.mixture
        if self.training:
            # A task on one vector reads only the last map, and DDP waits for every gradient.
            last = last + zero_of(self.mixture[:-1])
        return [[*each, *places] for each in zip(*finer, last, strict=True)]

    def shares(self, mixture: Tensor) -> Tensor:
        """The Frobenius norm of the weights of each task's features, divided by their sum."""
        blocks = mixture.unflatten(2, (len(self.tasks), -1))
        norms = blocks.square().sum((1, 3)).sqrt()
        return norms / norms.sum(1, keepdim=True)

    def _new(self, features: int) -> nn.Parameter:
        shares = cross_stitch(len(self.tasks), self.own_share)
        return nn.Parameter(torch.stack([torch.kron(row, torch.eye(features)) for row in shares]))
