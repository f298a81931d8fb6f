"""Balancing by the tasks' gradients, in one backward pass."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from copy import deepcopy
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torchjd.aggregation import Aggregator, Weighting

from multitask.balancing.base import Balancer
from multitask.balancing.direction import Direction
from multitask.balancing.fixed import FixedWeights
from multitask.balancing.independent_batches import IndependentBatches
from multitask.balancing.level import Level, LevelName
from multitask.balancing.memory import Memory
from multitask.balancing.method import Method, Traits, weighting_of, weights_of
from multitask.balancing.seeding import seeded
from multitask.balancing.task_gradients import TaskGradients
from multitask.balancing.unlabelled_tasks import part_of, tasks_to_balance
from multitask.balancing.weightings.base import GramianWeighting, SolverError
from multitask.errors import InputError

LABELLED = "with labels in a batch"


class GradientBalancer(Balancer):
    """Weights the tasks' gradients in the backward pass to the encoder, by any method.

    The loss is the plain sum of the tasks' losses and is logged as such; each head gets its own
    gradient. Weights sum to the number of tasks, as in plain training, unless the method itself
    defines the length of the step. A task without labels in the batch is excluded from the
    balancing. If gradients are accumulated, each batch is balanced separately.

    Args:
        method: an aggregator or weighting of ``torchjd.aggregation``, or one of
            ``multitask.balancing.weightings``.
        level: see `multitask.balancing.level.Level`.
        parameters: see `multitask.balancing.level.Level`.
        every: interval between computations of the weights, in batches; in between they are kept.
        losses: balancer of losses that is applied first; ``Scalarized`` with IMTL-L turns IMTL-G
            into IMTL.

    Raises:
        InputError: if the method cannot work at this level.
    """

    weighs_gradients = True

    def __init__(
        self,
        method: Method,
        level: LevelName = "representation",
        parameters: str | None = None,
        every: int = 1,
        losses: Balancer | None = None,
    ) -> None:
        super().__init__()
        if not isinstance(method, Aggregator | Weighting):
            raise InputError(
                f"method is a {type(method).__name__}, which does not weight gradients; give one "
                "from multitask.balancing.weightings or torchjd.aggregation; for a balancer of "
                "losses, use multitask.balancing.Scalarized"
            )
        if losses is not None and losses.looks_ahead:
            raise InputError(
                f"{type(losses).__name__} is given as losses of GradientBalancer, but it weights "
                "losses by looking ahead at plain steps; use one of the two"
            )
        # In a tuple: its state is saved by `get_extra_state`, which also knows where torchjd's
        # methods store it.
        self._methods = (method,)
        self.traits = Traits(method)
        self.level = Level(level, parameters)
        self.every = every
        self.losses = losses or FixedWeights()
        self.batches = 0
        self._state: dict[str, Any] | None = None
        self.traits.check(self.level, every)
        self._direction: Direction | None = None
        if isinstance(method, Aggregator) and self.traits.gives_direction:
            self._direction = Direction(self.level, method)

    @property
    def method(self) -> Method:
        """The method."""
        return self._methods[0]

    @property
    def compares_next(self) -> bool:
        return self.batches % self.every == 0

    @property
    def gradient_weights(self) -> Tensor:
        return self.weights

    def check(self, tasks: list[str]) -> None:
        self.losses.check(tasks)
        self.weights = torch.ones(len(tasks), dtype=torch.float64)
        self.labelled = torch.ones(len(tasks), dtype=torch.bool)
        weighting = weighting_of(self.method)
        if isinstance(weighting, GramianWeighting):
            weighting.take_names(tasks)
        # Specific to the run, and the same on all processes.
        self.seed = torch.initial_seed()
        self._try(torch.ones(len(tasks), dtype=torch.bool))
        if self.traits.sees_conflicts and not self.level.is_shared:
            warnings.warn(
                f"{self.traits.name} acts on conflicts between tasks, few of which show at the "
                "representation; level: shared with every: 10 costs little more",
                stacklevel=2,
            )

    def check_negative(self, tasks: list[str]) -> None:
        self.losses.check_negative(tasks)

    def check_teaches(self, teaches: Mapping[str, float]) -> None:
        self.losses.check_teaches(teaches)
        weighting = weighting_of(self.method)
        if isinstance(weighting, GramianWeighting):
            weighting.check_teaches(teaches)
        if self.traits.gives_direction:
            for task, factor in teaches.items():
                if factor not in (0, 1):
                    raise InputError(
                        f"task '{task}': teaches is {factor}, but {self.traits.name} combines "
                        "all gradients without a factor for each task; give 0 or 1, or use a "
                        "method that weights gradients"
                    )
        if not all(teaches.values()):
            self._try(torch.tensor([factor > 0 for factor in teaches.values()]), "that teach")

    def connect(self, encoder: nn.Module) -> None:
        self.level.connect(encoder)

    def check_run(self, precision: str, sharded: bool, processes: int) -> None:
        self.losses.check_run(precision, sharded, processes)
        self.traits.check_run(self.level, precision, processes)
        self.level.check_run(sharded)

    def keeps_for_itself(self) -> list[str]:
        return [f"losses.{name}" for name in self.losses.keeps_for_itself()]

    def forward(self, losses: Tensor, labelled: Tensor) -> Tensor:
        self.labelled = labelled
        return self.losses(losses, labelled)

    def after_step(self, losses: Callable[[], Tensor]) -> None:
        self.level.has_stepped = True
        self.losses.after_step(losses)

    def after_epoch(self) -> None:
        self.losses.after_epoch()

    def combine(self, gradients: TaskGradients) -> list[Tensor | None]:
        device = gradients.representation[0].device
        self._wake(device)
        due = self.compares_next
        self.batches += 1
        with seeded(self.seed, self.batches, device if self.traits.draws_elements else None):
            if self._direction is not None:
                return self._direction.combine(gradients, gradients.teaching(self.labelled))
            if self.traits.batches > 1:
                return self._by_batches(gradients, due)
            if due:
                self._renew(gradients)
        return self.level.weighted(self.weights, gradients)

    def after_backward(self) -> None:
        self.level.add_to_gradients()

    def get_extra_state(self) -> dict[str, Any]:
        """The weights, the position in the run, and the state of the method."""
        return {
            "weights": self.weights,
            "batches": self.batches,
            "seed": self.seed,
            "method": self._state or Memory(self.method).read(),
        }

    def set_extra_state(self, state: dict[str, Any]) -> None:
        """Restore the return value of `get_extra_state`."""
        self.weights, self.batches = state["weights"].cpu(), state["batches"]
        self.seed = state["seed"]
        # The device that the method needs is known when it is called.
        self._state = state["method"]

    def _try(self, present: Tensor, which: str = LABELLED) -> None:
        count = int(present.sum())
        trial, matrix = deepcopy(self.method), torch.eye(count, dtype=torch.float64)
        memory = Memory(trial, self.traits.remembers_gradients)
        with self._explained(count, which), seeded(self.seed, 0), memory.only(present):
            trial(matrix) if self.traits.needs_jacobian else weights_of(trial, matrix)

    @contextmanager
    def _explained(self, tasks: int, which: str = LABELLED) -> Iterator[None]:
        try:
            yield
        except (ValueError, SolverError) as error:
            reason = str(error).splitlines()[0]
            raise InputError(
                f"the balancing method {self.traits.name} cannot balance {tasks} tasks {which}: "
                f"{reason}"
            ) from error

    def _wake(self, device: torch.device) -> None:
        if self._state is not None:
            on_cpu = not self.traits.needs_jacobian
            Memory(self.method).write(self._state, torch.device("cpu") if on_cpu else device)
            self._state = None

    def _by_batches(self, gradients: TaskGradients, due: bool) -> list[Tensor | None]:
        dealt = IndependentBatches(gradients, self.traits.batches)
        if due:
            products = dealt.products(self.level.shared).to("cpu", torch.float64)
            present = gradients.teaching(self.labelled).cpu()
            if present.any():
                self._take(self.method, products, None if present.all() else present)
        if self.traits.batches == 2:
            return gradients.weighted(self.weights)
        third = TaskGradients(gradients.representation, dealt.rows(2), gradients.tasks)
        third.teaches = gradients.teaches
        return third.weighted(self.weights)

    def _renew(self, gradients: TaskGradients) -> None:
        gramian = self.level.gramian(gradients).to("cpu", torch.float64)
        if not np.isfinite(gramian.numpy()).all():
            # The gradient scaler handles an overflow in half precision and skips the step.
            return
        present = tasks_to_balance(gramian)
        if present is not None and not present.any():
            return
        if self.traits.needs_jacobian:
            self._take(weighting_of(self.method), self.level.jacobian(gradients), present)
            return
        if not self.traits.needs_size:
            squares = gramian.diagonal()
            gramian = gramian / (squares if present is None else squares[present]).mean()
        self._take(lambda each: weights_of(self.method, each), gramian, present)

    def _take(
        self, find: Callable[[Tensor], Tensor], matrix: Tensor, present: Tensor | None
    ) -> None:
        """Compute the weights of the tasks with labels by a method; the others keep theirs.

        Args:
            find: maps their part of the matrix to their weights.
            matrix: the Gramian, shape ``[tasks, tasks]``, or the Jacobian, ``[tasks, elements]``.
            present: mask of the tasks with labels, shape ``[tasks]``, bool, on the CPU; None for
                all.
        """
        if present is None:
            with self._explained(len(matrix)):
                self.weights.copy_(self._scaled(find(matrix)))
            return
        rows = part_of(matrix, present, self.traits.needs_jacobian)
        memory = Memory(self.method, self.traits.remembers_gradients)
        with memory.only(present), self._explained(len(rows)):
            self.weights[present] = self._scaled(find(rows))

    def _scaled(self, found: Tensor) -> Tensor:
        weights = found.detach().to("cpu", torch.float64)
        if self.traits.defines_length:
            return weights
        total = weights.sum().item()
        # Weights that cancel have no sum to divide by.
        if total <= 1e-9 * np.abs(weights.numpy()).sum():
            return weights
        return weights * (1 / total * len(weights))
