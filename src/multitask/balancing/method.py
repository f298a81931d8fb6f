"""Properties of balancing methods: aggregators and weightings of torchjd and our own."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torchjd.aggregation import (
    Aggregator,
    ConFIG,
    CRMOGMWeighting,
    ExcessMTLWeighting,
    GradDrop,
    GramianWeightedAggregator,
    MoDoWeighting,
    SDMGradWeighting,
    WeightedAggregator,
    Weighting,
)

from multitask.balancing.level import Level
from multitask.errors import InputError

Method = Aggregator | Weighting

OWN_LENGTH = ("ConFIG", "Constant", "FairGrad", "GradVac", "NashMTL", "PCD", "PCGrad", "Sum")
CONFLICTS = ("CAGrad", "ConFIG", "DualProj", "GradVac", "MGDA", "PCGrad", "UPGrad")
SIZES = ("FairGrad", "MoDo", "Nash", "NashMTL", "PCD")


class Traits:
    """The properties of a method; our own methods define attributes with the same names.

    Args:
        method: an aggregator or weighting.
    """

    def __init__(self, method: Method) -> None:
        self.name = type(method).__name__
        inner: Any = method
        if type(method) in (GramianWeightedAggregator, WeightedAggregator):
            inner = weighting_of(method)
        if isinstance(inner, CRMOGMWeighting):
            inner = inner.weighting
        self.sees_conflicts = _says(inner, "sees_conflicts", CONFLICTS)
        """Whether it acts on conflicts, few of which are visible at the representation."""
        self.needs_size = _says(inner, "needs_size", SIZES)
        """Whether the size of the gradients matters; if not, they are normalised first."""
        linear = isinstance(inner, Weighting | WeightedAggregator | ConFIG)
        self.gives_direction = not linear
        """Whether its output may not be a weighted sum of the gradients."""
        self.defines_length = self.gives_direction or _says(inner, "defines_length", OWN_LENGTH)
        """Whether the step keeps the length that the method defines; if not, its weights are
        rescaled to sum to the number of tasks."""
        excess = isinstance(weighting_of(inner), ExcessMTLWeighting)
        self.needs_jacobian = self.gives_direction or excess
        """Whether inner products of the gradients are insufficient."""
        self.remembers_gradients = excess or getattr(inner, "remembers_gradients", False)
        """Whether it combines gradients of several steps, which must then be of parameters."""
        self.batches = (
            1 + isinstance(inner, MoDoWeighting) + 2 * isinstance(inner, SDMGradWeighting)
        )
        """Number of independent batches that it needs for a step."""
        self.draws_elements = isinstance(inner, GradDrop)
        """Whether it draws a random number for each element of the gradients."""

    def check(self, level: Level, every: int) -> None:
        """Reject a level or interval that cannot work.

        Raises:
            InputError: says what to set.
        """
        if every < 1:
            raise InputError(
                f"the balancer's every is {every}; give a number of batches, at least 1"
            )
        if every > 1 and (self.gives_direction or self.remembers_gradients):
            raise InputError(f"{self.name} needs the gradients of every batch; set every: 1")
        if not level.is_shared and (self.remembers_gradients or self.batches > 1):
            raise InputError(
                f"{self.name} compares gradients of different samples, which have nothing in "
                "common at the representation; set level: shared"
            )
        if level.parameters is not None and self.gives_direction:
            raise InputError(
                f"{self.name} changes the gradients of all shared parameters; remove "
                f"parameters: {level.parameters}"
            )

    def check_run(self, level: Level, precision: str, processes: int) -> None:
        """Reject a precision or number of processes that cannot work.

        Raises:
            InputError: says what to set.
        """
        if precision == "16-mixed" and (self.remembers_gradients or self.needs_size):
            raise InputError(
                f"{self.name} compares gradients of several steps, which precision 16-mixed scales "
                "differently; set trainer.precision to bf16-mixed"
            )
        if self.draws_elements and not level.is_shared and processes > 1:
            raise InputError(
                f"torchjd's {self.name} draws a different mask on each process; use "
                "multitask.balancing.GradDrop, or level: shared"
            )


def weighting_of(method: Any) -> Any:
    """The part of an aggregator that computes the weights, if there is one."""
    if isinstance(method, GramianWeightedAggregator):
        return method.gramian_weighting
    return method.weighting if isinstance(method, WeightedAggregator) else method


def weights_of(method: Any, gramian: Tensor) -> Tensor:
    """Compute a method's weights from inner products only.

    A method that takes a matrix of gradients gets a square root of the Gramian instead: rotating
    all gradients together rotates its output and leaves the weights unchanged.

    Args:
        method: a method that does not need the gradients themselves.
        gramian: shape ``[tasks, tasks]``.

    Returns:
        Shape ``[tasks]``.
    """
    if isinstance(method, GramianWeightedAggregator):
        return method.gramian_weighting(gramian)
    if not isinstance(method, Aggregator):
        return method(gramian)
    root, inverse = _roots(gramian)
    if isinstance(method, WeightedAggregator):
        return method.weighting(root)
    return method(root) @ inverse


def _says(method: Any, trait: str, names: tuple[str, ...]) -> bool:
    kinds = {kind.__name__.removesuffix("Weighting") for kind in type(method).__mro__}
    return bool(getattr(method, trait, False)) or not kinds.isdisjoint(names)


def _roots(gramian: Tensor) -> tuple[Tensor, Tensor]:
    values, vectors = torch.linalg.eigh(gramian)
    known = values > values.max() * len(values) * torch.finfo(gramian.dtype).eps
    roots = torch.where(known, values, 0).sqrt()
    inverses = torch.where(known, 1 / roots, 0)
    return (vectors * roots) @ vectors.T, (vectors * inverses) @ vectors.T
