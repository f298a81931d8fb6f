"""One encoder for all tasks, whose weights each task changes by matrices of low rank."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from copy import deepcopy
from typing import Any

from torch import Tensor, nn

from multitask.encoders.base import Encoder
from multitask.encoders.forms import Form
from multitask.encoders.low_rank import checked_factor, keep_statistics
from multitask.encoders.low_rank_layers import add_changes, changed_layers
from multitask.errors import InputError
from multitask.sharing.base import Sharing
from multitask.sharing.reached import plus, zero_of


class LowRankTasks(Sharing):
    """Low-rank changes of each task's own (LoRA, Hu et al., 2021, equation 3; MTLoRA, 2024).

    Task t sees the encoder with the weights ``W + alpha / rank * B_t A_t``, as `LowRank` describes
    them; the W are shared, and all else that the encoder learns. B_t is zero at first, when every
    task sees the same. Each task takes a forward and a backward pass through the encoder, so that a
    step takes as long as with an encoder for each task, while the parameters are few more than
    those of one. Statistics of batch normalisation are each task's own.

    The tasks have no tensor in common, so balancers at the representation are refused. Level
    ``shared`` compares gradients of all parameters before the heads: of the shared ones, and of the
    tasks' changes, which add to a task's own norm and to no inner product of two tasks. It is
    refused if the shared ones are frozen. Losses may be balanced in any case.

    Args:
        form: see `Sharing`.
        tasks: see `Sharing`.
        rank: of the changes.
        layers: which layers change, see `multitask.encoders.LowRank`.
        alpha: see `multitask.encoders.LowRank`.
        frozen: whether the shared weights, and statistics of batch normalisation, stay as they are.

    Raises:
        InputError: if a setting makes no sense.
    """

    is_by_place = True

    def __init__(
        self,
        form: Form,
        tasks: list[str],
        rank: int = 4,
        layers: Sequence[str] | None = None,
        alpha: float | None = None,
        frozen: bool = False,
    ) -> None:
        super().__init__(form, tasks)
        self.factor = checked_factor("LowRankTasks", rank, alpha)
        self.rank, self.layers, self.frozen = rank, layers, frozen

    def trunk(self, encoder: Encoder) -> nn.Module:
        if self.frozen:
            encoder.requires_grad_(False)
        # `torch.compile` wraps an encoder, whose layers are those of the one within.
        encoders = [encoder, *(_with_weights_of(encoder) for _ in self.tasks[1:])]
        for each in encoders:
            try:
                add_changes(each, self.rank, self.layers, self.factor)
            except InputError as error:
                raise InputError(f"LowRankTasks: {error}") from error
        return Passes(encoders, self.frozen)

    def own_parameters(self, trunk: nn.Module) -> list[nn.Parameter]:
        layers: Any = changed_layers(trunk).values()
        changes = [each for layer in layers for each in layer.changes.parameters()]
        # An encoder of low rank has changes, too, which all tasks' layers have.
        times = Counter(map(id, changes))
        return [each for each in changes if times[id(each)] == 1 or len(self.tasks) == 1]

    def forward(self, views: dict[str, list[Any]]) -> dict[str, Any]:
        places = enumerate(self.tasks)
        return {task: views[task][place] for place, task in places}


class Passes(nn.Module):
    """A pass through each task's encoder, all of which have the shared parameters.

    Args:
        encoders: the tasks', in their order.
        frozen: see `LowRankTasks`.
    """

    def __init__(self, encoders: Sequence[Encoder], frozen: bool) -> None:
        super().__init__()
        # No ModuleList, whose modules are taken for blocks that are called as a whole.
        self.columns = nn.ModuleDict({str(place): each for place, each in enumerate(encoders)})
        self.frozen = frozen
        self.train(self.training)

    @property
    def incomparable(self) -> Mapping[str, str]:
        """By level at which balancers compare gradients, why there is nothing to compare."""
        own = "LowRankTasks gives each task a pass of its own through the encoder"
        ways = "choose a balancer of losses"
        found = {"representation": f"{own}; set level: shared, or {ways}"}
        first, *others = (set(each.parameters()) for each in self.columns.values())
        common = first.intersection(*others) if others else first
        if not any(each.requires_grad for each in common):
            found["shared"] = f"{own}, and what these share is frozen; {ways}, or train it"
            found["representation"] = f"{own}; {ways}"
        return found

    def train(self, mode: bool = True) -> Passes:
        """Set the mode; frozen statistics stay in evaluation mode."""
        super().train(mode)
        if self.frozen:
            keep_statistics(self)
        return self

    def forward(self, *inputs: Tensor) -> list[Any]:
        """Encode for each task; returns the tasks' representations."""
        found = [encoder(*inputs) for encoder in self.columns.values()]
        if not self.training or len(found) == 1:
            return found
        # A task that teaches nothing leaves its own changes without a gradient.
        changes: Any = changed_layers(self).values()
        zero = zero_of(nn.ModuleList(layer.changes for layer in changes))
        return [plus(each, zero) for each in found]


def _with_weights_of(encoder: Encoder) -> Encoder:
    """A copy with the same parameters, not equal ones; buffers are its own."""
    return deepcopy(encoder, {id(each): each for each in encoder.parameters()})
