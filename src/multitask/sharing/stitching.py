"""A network for each task, whose stages mix the features of all tasks."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Any

import torch
from lightning.pytorch.utilities import rank_zero_warn
from torch import Tensor, nn

from multitask.checkpoints.source import OWN
from multitask.encoders.base import Encoder
from multitask.encoders.forms import Form
from multitask.encoders.stages import Unfinished
from multitask.sharing.base import Mixing, Sharing
from multitask.sharing.columns import Columns, side_by_side, whole
from multitask.sharing.mixtures import Mix, mixture_of


class StitchedColumns(Columns):
    """Parallel encoders, whose features are mixed after each stage but the last.

    Args:
        columns: the encoders, of one architecture.
        mixtures: parameters of each mixture; their first axis is that of the columns.
        mix: see `Stitching.mix`.
    """

    def __init__(
        self,
        columns: Sequence[Encoder],
        mixtures: Sequence[nn.Parameter],
        mix: Mix,
    ) -> None:
        super().__init__(columns)
        self.mixtures, self.mix = nn.ParameterList(mixtures), mix

    def rows(self, place: int) -> Tensor:
        """Shares of all columns for each column, by column.

        Args:
            place: index of the mixture, from 0 at the inputs.
        """
        return self.mixtures[place]

    def forward(self, *inputs: Tensor) -> list[Any]:
        first, *others = self.stages()
        values = [stage(*inputs) for stage in first]
        for place, stages in enumerate(others):
            rows = self.rows(place)
            live = [each.value if isinstance(each, Unfinished) else each for each in values]
            mixed = [mixture_of(self.mix, row, live) for row in rows]
            taken = [
                Unfinished(new, old.maps) if isinstance(old, Unfinished) else new
                for new, old in zip(mixed, values, strict=True)
            ]
            values = [stage(each) for stage, each in zip(stages, taken, strict=True)]
        return values


class Stitching(Sharing, ABC):
    """Base class of schemes that mix the features of a network for each task.

    Each task has its own encoder, built with the same settings. Random weights differ; pretrained
    weights, including those of another run or of a file, are the same, and weights loaded after the
    encoder was built are only used by the first task's encoder. After each of an encoder's stages
    but the last, a task's features become a learned mixture of those of all tasks; the last mixture
    is task-specific. An encoder without stages is mixed only at the end, with a warning.

    A subclass takes the arguments of `Sharing` first.
    """

    is_by_place = True
    mixture: Any
    """The last mixture: the first argument of `mix` by task; a list of them for several tensors."""

    def __init__(self, form: Form, tasks: list[str]) -> None:
        super().__init__(form, tasks)
        # In a tuple: it is a child of the model, not of this module.
        self._trunk: tuple[StitchedColumns, ...] = ()

    @staticmethod
    @abstractmethod
    def mix(row: Tensor, values: Sequence[Tensor]) -> Tensor:
        """Compute a task's features.

        Args:
            row: the task's part of the parameters of a mixture.
            values: features of each column, of one shape, see `multitask.encoders.Encoder.stages`.
        """

    @abstractmethod
    def shares(self, mixture: Tensor) -> Tensor:
        """Shares of each column for each task, by `parts`.

        Args:
            mixture: the parameters of a mixture.

        Returns:
            Shape ``[tasks, parts]``.
        """

    @abstractmethod
    def mixtures(self, encoder: Encoder, count: int) -> list[nn.Parameter]:
        """Create the parameters of the mixtures between stages.

        Args:
            encoder: encoder of one task.
            count: number of encoders.
        """

    @property
    def parts(self) -> list[str]:
        """Names of the sources of a task's features."""
        return [f"network of {task}" for task in self.tasks]

    def columns(
        self, columns: Sequence[Encoder], mixtures: Sequence[nn.Parameter]
    ) -> StitchedColumns:
        """Combine the encoders and their mixtures."""
        return StitchedColumns(columns, mixtures, self.mix)

    def trunk(self, encoder: Encoder) -> nn.Module:
        columns = side_by_side(encoder, len(self.tasks))
        # Stages are looked up now, not within a compiled pass.
        *_, count = (len(each.stages()) for each in columns)
        if count == 1 and len(columns) > 1 and OWN.get() is None:
            rank_zero_warn(
                f"{type(self).__name__}: the encoder {type(columns[-1]).__name__} has no stages "
                "between which features can be mixed, so the tasks' networks are mixed only at "
                "their end"
            )
        self._trunk = (self.columns(columns, self.mixtures(columns[0], count - 1)),)
        return self._trunk[0]

    def rows(self) -> Sequence[Any]:
        """By task, its part of the last mixture."""
        return self.mixture

    def forward(self, views: dict[str, list[Any]]) -> dict[str, Any]:
        rows = zip(self.tasks, self.rows(), strict=True)
        return {task: mixture_of(self.mix, row, views[task]) for task, row in rows}

    @torch.no_grad()
    def mixing(self) -> dict[str, Mixing]:
        between = [*self._trunk[0].mixtures] if self._trunk else []
        last = [*self.mixture] if isinstance(self.mixture, nn.ParameterList) else [self.mixture]
        names = [f"after stage {place}" for place in range(1, len(between) + 2)]
        if len(last) > 1:
            names[-1:] = [f"{names[-1]}, map {place}" for place in range(1, len(last) + 1)]
        return {
            name: Mixing(self.shares(whole(each)).float().cpu(), self.parts)
            for name, each in zip(names, [*between, *last], strict=True)
        }
