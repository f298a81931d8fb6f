"""A network for each task, whose stages mix the features of all."""

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
    """Encoders side by side, whose features are mixed after each stage but the last.

    Args:
        columns: the encoders, of one architecture.
        mixtures: parameters of each mixture, of which the first axis is the columns'.
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
        """What each column takes of all columns, by column.

        Args:
            place: of the mixture, from 0 at the inputs.
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
    """What schemes have in common that mix the features of a network for each task.

    Each task has an encoder of its own, built with the same settings: random weights differ,
    pretrained ones, and those of another run or of a file, are the same, and weights loaded after
    the encoder was built are those of the first task's encoder alone. After each of an encoder's
    stages but the last, a task's features become a learned mixture of those of all tasks; the last
    mixture is each task's own. An encoder without stages is mixed at the end only, which a warning
    says.

    A subclass takes the arguments of `Sharing` first.
    """

    is_by_place = True
    mixture: Any
    """The last mixture: by task, what `mix` takes first; a list of them for a list of tensors."""

    def __init__(self, form: Form, tasks: list[str]) -> None:
        super().__init__(form, tasks)
        # In a tuple: it is the model's child, not this module's.
        self._trunk: tuple[StitchedColumns, ...] = ()

    @staticmethod
    @abstractmethod
    def mix(row: Tensor, values: Sequence[Tensor]) -> Tensor:
        """Make a task's features.

        Args:
            row: the task's part of the parameters of a mixture.
            values: features of each column, of one shape, see `multitask.encoders.Encoder.stages`.
        """

    @abstractmethod
    def shares(self, mixture: Tensor) -> Tensor:
        """What each task takes of each column, by `parts`.

        Args:
            mixture: the parameters of a mixture.

        Returns:
            Shape ``[tasks, parts]``.
        """

    @abstractmethod
    def mixtures(self, encoder: Encoder, count: int) -> list[nn.Parameter]:
        """Make the parameters of the mixtures between stages.

        Args:
            encoder: of one task.
            count: how many there are.
        """

    @property
    def parts(self) -> list[str]:
        """What a task takes features of."""
        return [f"network of {task}" for task in self.tasks]

    def columns(
        self, columns: Sequence[Encoder], mixtures: Sequence[nn.Parameter]
    ) -> StitchedColumns:
        """Put the encoders and their mixtures together."""
        return StitchedColumns(columns, mixtures, self.mix)

    def trunk(self, encoder: Encoder) -> nn.Module:
        columns = side_by_side(encoder, len(self.tasks))
        # Each finds its stages now, not inside a compiled pass.
        *_, count = (len(each.stages()) for each in columns)
        if count == 1 and len(columns) > 1 and OWN.get() is None:
            rank_zero_warn(
                f"{type(self).__name__}: the encoder {type(columns[-1]).__name__} has no stages "
                "between which features can be mixed, so the tasks' networks are mixed at their "
                "end only"
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
