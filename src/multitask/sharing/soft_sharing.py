"""A network for each task, with a penalty on the distance between their weights."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import normalize

from multitask.encoders.base import Encoder
from multitask.encoders.forms import Form
from multitask.errors import InputError
from multitask.sharing.base import Mixing, Sharing
from multitask.sharing.columns import Columns, side_by_side, whole
from multitask.sharing.reached import plus, zero_of

REASON = (
    "with SoftSharing each task has its own network, and a task's loss has no gradient for "
    "another's; choose a balancer of losses"
)


class SoftSharing(Sharing):
    """Soft parameter sharing by the distance between networks (Duong et al., 2015).

    Each task has its own encoder. A penalty keeps them similar: ``weight`` times the sum over all
    pairs of tasks of the squared Euclidean distance between their encoders' weights. Before
    training they are equal, so the model computes the same as with hard sharing. If ``weight`` is
    0, only the initial weights are shared; a large weight approaches hard sharing.

    The tasks have no tensor and no parameter in common, so balancers at the representation and at
    level ``shared`` are rejected; losses can be balanced. The penalty is added to the balanced
    loss. Each encoder has its own batch normalisation statistics.

    Args:
        form: see `Sharing`.
        tasks: see `Sharing`.
        weight: factor on the penalty, 0 or more. In a step of plain gradient descent with the rate
            lr it moves the networks by the fraction ``2 * lr * weight * tasks`` towards their mean.

    Raises:
        InputError: if ``weight`` is negative, or the encoders would share a network.
    """

    is_by_place = True

    def __init__(self, form: Form, tasks: list[str], weight: float = 0.1) -> None:
        super().__init__(form, tasks)
        if not 0 <= weight < float("inf"):
            raise InputError(f"weight is {weight}; give 0 or more")
        self.weight = weight
        # In a tuple: it is a child of the model, not of this module.
        self._trunk: tuple[Columns, ...] = ()

    def trunk(self, encoder: Encoder) -> nn.Module:
        columns = side_by_side(encoder, len(self.tasks))
        for other in columns[1:]:
            other.load_state_dict(columns[0].state_dict())
        self._trunk = (Networks(columns),)
        return self._trunk[0]

    def own_parameters(self, trunk: nn.Module) -> list[nn.Parameter]:
        return [*trunk.parameters(), *super().own_parameters(trunk)]

    def forward(self, views: dict[str, list[Any]]) -> dict[str, Any]:
        return {task: views[task][place] for place, task in enumerate(self.tasks)}

    def penalty(self) -> Tensor | None:
        if not self.weight or len(self.tasks) == 1:
            return None
        columns = [each.parameters() for each in self._trunk[0].columns.values()]
        found = []
        for same in zip(*columns, strict=True):
            if any(each.requires_grad for each in same):
                mean = sum(same[1:], start=same[0]) / len(same)
                # The sum over pairs is the number of networks times the sum of distances to the
                # mean.
                found += [whole((each - mean).square().sum()) for each in same]
        return self.weight * len(self.tasks) * torch.stack(found).sum() if found else None

    @torch.no_grad()
    def mixing(self) -> dict[str, Mixing]:
        """Cosine similarity of the networks' weights, by stage; 1 if they are equal."""
        parts = [f"network of {task}" for task in self.tasks]
        stages = self._trunk[0].stages() if self._trunk else []
        found = {}
        for place, stage in enumerate(stages, 1):
            weights = [[whole(each).flatten() for each in own.parameters()] for own in stage]
            if all(weights):
                rows = normalize(torch.stack([torch.cat(each) for each in weights]).float())
                found[f"stage {place}"] = Mixing((rows @ rows.T).cpu(), parts)
        return found


class Networks(Columns):
    """Parallel encoders, each used by only one task."""

    def __init__(self, columns: list[Encoder]) -> None:
        super().__init__(columns)
        self.incomparable = (
            {} if len(columns) == 1 else dict.fromkeys(("representation", "shared"), REASON)
        )
        """Why gradients cannot be compared, see `multitask.balancing.level.Level`."""

    def forward(self, *inputs: Tensor) -> list[Any]:
        found = super().forward(*inputs)
        if not self.training:
            return found
        # A task that does not train shared parameters has no gradient for its own network.
        zero = zero_of(self)
        return [plus(each, zero) for each in found]
