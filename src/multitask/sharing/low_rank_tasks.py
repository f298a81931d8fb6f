"""One encoder for all tasks, with low-rank updates of its weights for each task."""

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
    """Low-rank updates for each task (LoRA, Hu et al., 2021, equation 3; MTLoRA, 2024).

    Task t sees the encoder with the weights ``W + alpha / rank * B_t A_t``, as described in
    `LowRank`; W and all other trainable parameters of the encoder are shared. B_t is initially
    zero, so all tasks see the same. Each task needs a separate forward and backward pass through
    the encoder, so a step takes as long as with an encoder for each task, but there are only a few
    more parameters than in one encoder. Each task has its own batch normalisation statistics.

    The tasks have no tensor in common, so balancers at the representation are rejected. Level
    ``shared`` compares gradients of all parameters before the heads, including the tasks' updates;
    these add to a task's own norm but not to the inner product of two tasks. It is rejected if the
    shared parameters are frozen. Losses can always be balanced.

    Args:
        form: see `Sharing`.
        tasks: see `Sharing`.
        rank: rank of the updates.
        layers: the layers to update, see `multitask.encoders.LowRank`.
        alpha: see `multitask.encoders.LowRank`.
        frozen: whether the shared weights and the batch normalisation statistics stay fixed.

    Raises:
        InputError: if a setting is invalid.
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
        # `torch.compile` wraps an encoder; the layers are those of the encoder within.
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
        # A `LowRank` encoder also has updates, which the layers of all tasks contain.
        times = Counter(map(id, changes))
        return [each for each in changes if times[id(each)] == 1 or len(self.tasks) == 1]

    def forward(self, views: dict[str, list[Any]]) -> dict[str, Any]:
        places = enumerate(self.tasks)
        return {task: views[task][place] for place, task in places}


class Passes(nn.Module):
    """A pass through each task's encoder, all with the same shared parameters.

    Args:
        encoders: the tasks' encoders, in the order of the tasks.
        frozen: see `LowRankTasks`.
    """

    def __init__(self, encoders: Sequence[Encoder], frozen: bool) -> None:
        super().__init__()
        # Not a ModuleList, whose modules would be treated as blocks that are called as a whole.
        self.columns = nn.ModuleDict({str(place): each for place, each in enumerate(encoders)})
        self.frozen = frozen
        self.train(self.training)

    @property
    def incomparable(self) -> Mapping[str, str]:
        """By level at which balancers compare gradients, the reason why they cannot be compared."""
        own = "LowRankTasks gives each task its own pass through the encoder"
        ways = "choose a balancer of losses"
        found = {"representation": f"{own}; set level: shared, or {ways}"}
        first, *others = (set(each.parameters()) for each in self.columns.values())
        common = first.intersection(*others) if others else first
        if not any(each.requires_grad for each in common):
            found["shared"] = f"{own}, and what they share is frozen; {ways}, or train it"
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
        # A task that does not train shared parameters has no gradient for its updates.
        changes: Any = changed_layers(self).values()
        zero = zero_of(nn.ModuleList(layer.changes for layer in changes))
        return [plus(each, zero) for each in found]


def _with_weights_of(encoder: Encoder) -> Encoder:
    """A copy with the same parameters, not equal ones; buffers are copied."""
    return deepcopy(encoder, {id(each): each for each in encoder.parameters()})
