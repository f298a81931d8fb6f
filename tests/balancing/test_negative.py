"""Losses below 0: which balancers work with them, and which refuse them before training."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import pytest
import torch
from torchjd.scalarization import (
    COSMOS,
    DWA,
    FAMO,
    IMTLL,
    PBI,
    STCH,
    UW,
    Constant,
    GeometricMean,
    Mean,
    Random,
    Scalarizer,
    Sum,
)

from multitask import MultiTask
from multitask.balancing import (
    Balancer,
    GradientBalancer,
    GradNorm,
    Scalarized,
    ScaleInvariant,
)
from multitask.balancing.weightings import MGDA
from multitask.encoders import MLP
from multitask.errors import InputError
from multitask.tasks import Angle, Classification, GaussianRegression, Task

HALVES = torch.tensor([0.5, 0.5])
REFUSED: dict[str, Callable[[], Scalarizer]] = {
    "FAMO takes logarithms": partial(FAMO, 2),
    "ScaleInvariant takes logarithms": ScaleInvariant,
    "GeometricMean takes roots": GeometricMean,
    "DWA compares losses by their ratio": DWA,
    "UW lets the weight": partial(UW, 2),
    "IMTLL lets the weight": partial(IMTLL, 2),
}
TAKEN: list[Callable[[], Scalarizer]] = [
    partial(FAMO, 2, torch.tensor([-5.0, -5.0])),
    partial(STCH, 0.1),
    partial(COSMOS, 1.0, HALVES),
    partial(PBI, 1.0, HALVES),
    partial(Constant, HALVES),
    Random,
    Mean,
    Sum,
]


def model(balancer: Balancer | None, **tasks: Task) -> MultiTask:
    given: dict[str, Task] = {"digit": Classification(3), "turn": Angle(), **tasks}
    return MultiTask(MLP(4, [3]), given, balancer)


@pytest.mark.parametrize(("words", "made"), REFUSED.items(), ids=REFUSED)
def test_a_balancer_of_positive_losses_names_the_task(
    words: str, made: Callable[[], Scalarizer]
) -> None:
    for balancer in (Scalarized(made()), GradientBalancer(MGDA(), losses=Scalarized(made()))):
        with pytest.raises(InputError, match=f"{words}.*but the loss of 'turn' is .*use a balanc"):
            model(balancer)
    MultiTask(MLP(4, [3]), {"a": Classification(3), "b": Classification(2)}, Scalarized(made()))


def test_gradnorm_names_all_of_them() -> None:
    with pytest.raises(InputError, match="GradNorm compares.*losses of 'turn' and 'size' are"):
        model(GradNorm(), size=GaussianRegression())
    model(GradientBalancer(MGDA()))
    model(None)


def gradient(balancer: Balancer, losses: list[float]) -> torch.Tensor:
    values = torch.tensor(losses, requires_grad=True)
    balancer(values, torch.ones(2, dtype=torch.bool)).backward()
    assert values.grad is not None
    return values.grad


@pytest.mark.parametrize("made", TAKEN)
def test_what_is_taken_works(made: Callable[[], Scalarizer]) -> None:
    """Weights stay finite, however long a loss is below 0."""
    balancer = Scalarized(made())
    balancer.check(["turn", "size"])
    balancer.check_negative(["turn"])
    for loss in torch.linspace(0.3, -0.5, 50).tolist():
        found = gradient(balancer, [loss, 0.7])
        assert found.isfinite().all()
        balancer.after_step(lambda loss=loss: torch.tensor([loss - 0.02, 0.69]))  # type: ignore[misc]
        balancer.after_epoch()


def test_what_is_refused_fails() -> None:
    """Why: what becomes of a task whose loss is -0.5 beside one of 0.7."""
    for made in (ScaleInvariant, partial(FAMO, 2)):
        balancer = Scalarized(made())  # type: ignore[operator]
        balancer.check(["turn", "size"])
        assert gradient(balancer, [0.5, 0.7]).min() > 0
        found = gradient(balancer, [-0.5, 0.7])
        assert not bool((found > 0).all())
    for uncertain in (UW(2), IMTLL(2)):
        optimizer = torch.optim.SGD(uncertain.parameters(), 0.1)
        for _ in range(300):
            optimizer.zero_grad()
            uncertain(torch.tensor([-0.5, 0.7])).backward()
            optimizer.step()
        values = torch.tensor([-0.5, 0.7], requires_grad=True)
        uncertain(values).backward()
        assert values.grad is not None
        assert values.grad[0] > 100 or not values.grad.isfinite().all()
