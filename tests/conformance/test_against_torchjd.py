"""What reaches the encoder is what torchjd makes of the tasks' gradients, one by one.

The reference takes each task's gradient in a backward pass of its own and gives them to torchjd.
"""

from __future__ import annotations

from copy import deepcopy
from typing import Any

import pytest
import torch
from conformance.cases import METHODS, OF_METHODS, WITHOUT_REFERENCE, Case
from conformance.table import WORKS, Record
from conformance.training import SmallEncoder
from torch import Tensor, nn
from torchjd import aggregation
from torchjd.aggregation import Aggregator

from multitask.balancing import GradientBalancer
from multitask.balancing.gate import gate
from multitask.balancing.method import weighting_of
from multitask.balancing.seeding import seeded

TASKS = ["a", "b", "c"]
ALL = torch.ones(3, dtype=torch.bool)
CASES = [case for case in OF_METHODS if case not in WITHOUT_REFERENCE]


def test_every_aggregator_and_weighting_of_torchjd_is_tested_here() -> None:
    made = [make() for _, make in METHODS.values()]
    tested = {type(part).__name__ for method in made for part in (method, weighting_of(method))}
    bases = {"Aggregator", "GramianWeightedAggregator", "WeightedAggregator", "Weighting"}
    assert set(aggregation.__all__) - bases <= tested


class Problem:
    """An encoder, three heads and a batch, in double precision."""

    def __init__(self) -> None:
        torch.manual_seed(0)
        self.encoder = SmallEncoder().double()
        self.heads = {task: nn.Linear(6, 2).double() for task in TASKS}
        self.image = torch.randn(10, 1, 4, 4).double()
        self.goals = {task: scale * torch.randn(10, 2).double() for task, scale in SCALES.items()}
        self.parameters = list(self.encoder.parameters())

    def losses(self, views: dict[str, Tensor]) -> Tensor:
        """One loss for each task, of very different sizes."""
        each = [(self.heads[task](views[task]) - self.goals[task]).square() for task in TASKS]
        return torch.stack([loss.mean() for loss in each])

    def found(self, balancer: GradientBalancer) -> Tensor:
        """The encoder's gradient in one backward pass through the gate."""
        balancer.check(TASKS)
        balancer.connect(self.encoder)
        views = gate(self.encoder(self.image), TASKS, balancer.combine)
        balancer(self.losses(views), ALL).backward()
        balancer.after_backward()
        return torch.cat([each.grad.flatten() for each in self.parameters])  # type: ignore[union-attr]

    def expected(self, method: Any, level: str) -> Tensor:
        """The encoder's gradient by torchjd's own aggregation of separate gradients."""
        representation = self.encoder(self.image)
        losses = self.losses(dict.fromkeys(TASKS, representation))
        at = [representation] if level == "representation" else self.parameters
        rows = [torch.autograd.grad(loss, at, retain_graph=True) for loss in losses]
        jacobian = torch.stack([torch.cat([each.flatten() for each in row]) for row in rows])
        direction = _aggregate(method, jacobian)
        if level == "shared":
            return direction
        direction = direction.view_as(representation)
        found = torch.autograd.grad(representation, self.parameters, direction)
        return torch.cat([each.flatten() for each in found])


SCALES = {"a": 1.0, "b": 10.0, "c": 0.1}


def _aggregate(method: Any, jacobian: Tensor) -> Tensor:
    if isinstance(method, Aggregator):
        return method(jacobian)
    return method(jacobian @ jacobian.T) @ jacobian


def unit(vector: Tensor) -> Tensor:
    return vector / vector.norm()


@pytest.mark.parametrize("case", CASES, ids=str)
def test_the_encoder_gets_what_torchjd_gives(case: Case, cell: Record) -> None:
    method, level = METHODS[case.name][1](), case.level
    balancer = GradientBalancer(deepcopy(method), level=level)  # type: ignore[arg-type]
    found = Problem().found(balancer)
    problem = Problem()
    with seeded(balancer.seed, 1):
        expected = problem.expected(method, level)
    if balancer.traits.defines_length or balancer.traits.gives_direction:
        torch.testing.assert_close(found, expected, rtol=1e-6, atol=1e-6 * float(expected.norm()))
    else:
        # The length is ours: the weights sum to the number of tasks.
        torch.testing.assert_close(unit(found), unit(expected), rtol=0, atol=1e-6)
        assert float(balancer.weights.sum()) == pytest.approx(3)
    cell("separate passes", case, WORKS)


@pytest.mark.parametrize("name", ["IMTLG", "our Nash", "UPGrad", "AlignedMTL", "PCGrad"])
@pytest.mark.parametrize("level", ["representation", "shared"])
def test_heads_get_their_own_gradient(name: str, level: str) -> None:
    problem, plain = Problem(), Problem()
    problem.found(GradientBalancer(METHODS[name][1](), level=level))  # type: ignore[arg-type]
    plain.losses(dict.fromkeys(TASKS, plain.encoder(plain.image))).sum().backward()
    for task in TASKS:
        torch.testing.assert_close(problem.heads[task].weight.grad, plain.heads[task].weight.grad)


NOT_SCALE_FREE = (
    "PCD",
    "ExcessMTL",
    "FairGrad",
    "CRMOGM",
    "our Nash",
    "our FairGrad",
    # By its definition it were, by its solver it is not.
    "NashMTL",
)
SCALE_FREE = [case for case in CASES if case.name not in NOT_SCALE_FREE]


@pytest.mark.parametrize("scale", [1e-6, 1e6])
@pytest.mark.parametrize("case", SCALE_FREE, ids=str)
def test_the_losses_unit_changes_no_direction(case: Case, scale: float) -> None:
    def direction(factor: float) -> Tensor:
        class Scaled(Problem):
            def losses(self, views: dict[str, Tensor]) -> Tensor:
                return factor * super().losses(views)

        balancer = case.make()
        assert isinstance(balancer, GradientBalancer)
        return unit(Scaled().found(balancer))

    torch.testing.assert_close(direction(scale), direction(1.0), rtol=0, atol=1e-6)
