"""A network for each task, whose stages learn where to branch."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import one_hot

from multitask.encoders.base import Encoder
from multitask.encoders.forms import Form
from multitask.errors import InputError
from multitask.sharing.mixtures import Mix, weighed
from multitask.sharing.stitching import StitchedColumns, Stitching

LOWEST = 0.1
"""Lowest temperature; below it, gradients vanish."""


class LearnedBranching(Stitching):
    """Learned branching (Guo et al., 2020, "Learning to Branch for Multi-Task Learning").

    Each task has its own encoder, as in `CrossStitch`. Each stage reads its features from one of
    the networks at the previous stage, its parent, which is learned. In training it uses a mixture
    by ``softmax((logits + noise) / temperature)`` with Gumbel noise (section 3.2 of the paper), and
    otherwise the features of the parent with the largest logit, so the networks form a tree.
    Initially all parents have the same probability. Each head selects among the networks' outputs
    in the same way.

    The noise is drawn once for each optimizer step, from the seed of the run and the number of the
    step, so all samples, accumulated batches and processes train the same mixture. The temperature
    decreases with the square root of the number of steps.

    Balancers at the representation compare gradients of all encoders' outputs; at level ``shared``,
    gradients of the parameters of all encoders and of all logits but the heads'.

    Args:
        form: see `Sharing`.
        tasks: see `Sharing`.
        temperature: value in the first step; after n steps it is divided by ``sqrt(n + 1)``, down
            to 0.1.

    Raises:
        InputError: if ``temperature`` is below 0.1, or the encoders would share a network.
    """

    noise: Tensor
    temperature: Tensor

    def __init__(self, form: Form, tasks: list[str], temperature: float = 5.0) -> None:
        super().__init__(form, tasks)
        if not LOWEST <= temperature < float("inf"):
            raise InputError(f"temperature is {temperature}; give a number of at least {LOWEST}")
        self.first_temperature = temperature
        # Specific to the run, and the same on all processes.
        self.seed = torch.initial_seed()
        count = len(tasks)
        self.mixture = nn.Parameter(torch.zeros(count, count))
        self.register_buffer("noise", torch.zeros(count, count), persistent=False)
        self.register_buffer("temperature", torch.tensor(temperature), persistent=False)

    def mixtures(self, encoder: Encoder, count: int) -> list[nn.Parameter]:
        return [nn.Parameter(torch.zeros_like(self.mixture)) for _ in range(count)]

    def columns(
        self, columns: Sequence[Encoder], mixtures: Sequence[nn.Parameter]
    ) -> StitchedColumns:
        return BranchingColumns(columns, mixtures, self.mix)

    def trunk(self, encoder: Encoder) -> nn.Module:
        trunk = super().trunk(encoder)
        self.begin_step(0)
        return trunk

    def begin_step(self, step: int) -> None:
        """Draw the noise of the step."""
        generator = torch.Generator().manual_seed(hash((self.seed, step)) % 2**63)
        trunk: Any = self._trunk[0]
        count = len(self.tasks)
        drawn = torch.empty(len(trunk.mixtures) + 1, count, count, device="cpu")
        noise = -drawn.exponential_(generator=generator).log()
        temperature = max(LOWEST, self.first_temperature / (step + 1) ** 0.5)
        trunk.noise.copy_(noise[:-1])
        self.noise.copy_(noise[-1])
        for each in (trunk.temperature, self.temperature):
            each.fill_(temperature)

    def rows(self) -> Sequence[Any]:
        return [*chosen(self.mixture, self.noise, self.temperature, self.training)]

    @staticmethod
    def mix(row: Tensor, values: Sequence[Tensor]) -> Tensor:
        return weighed(row, values)

    def shares(self, mixture: Tensor) -> Tensor:
        """The probability of each parent."""
        return mixture.softmax(1)

    def get_extra_state(self) -> dict[str, Any]:
        """The seed of the noise; the number of the step is in the Trainer's checkpoint."""
        return {"seed": self.seed}

    def set_extra_state(self, state: dict[str, Any]) -> None:
        """Restore the return value of `get_extra_state`."""
        self.seed = state["seed"]


class BranchingColumns(StitchedColumns):
    """Parallel encoders, each of whose stages selects a parent; see `LearnedBranching`."""

    noise: Tensor
    temperature: Tensor

    def __init__(
        self,
        columns: Sequence[Encoder],
        mixtures: Sequence[nn.Parameter],
        mix: Mix,
    ) -> None:
        super().__init__(columns, mixtures, mix)
        count = len(columns)
        self.register_buffer("noise", torch.zeros(len(mixtures), count, count), persistent=False)
        self.register_buffer("temperature", torch.ones(()), persistent=False)

    def rows(self, place: int) -> Tensor:
        logits = super().rows(place)
        return chosen(logits, self.noise[place], self.temperature, self.training)


def chosen(logits: Tensor, noise: Tensor, temperature: Tensor, training: bool) -> Tensor:
    """Shares of each network's parents.

    Args:
        logits: shape ``[networks, parents]``.
        noise: same shape.
        temperature: a scalar.
        training: whether to mix with the noise; if not, only the parent with the largest logit
            counts.
    """
    if not training:
        return one_hot(logits.argmax(1), logits.shape[1]).to(logits.dtype)
    return ((logits + noise) / temperature).softmax(1)
