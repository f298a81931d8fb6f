"""GradientBalancer: what it refuses, says once, keeps and remembers."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torchjd.aggregation import (
    Constant,
    CRMOGMWeighting,
    ExcessMTL,
    GradDrop,
    GradVac,
    GramianWeightedAggregator,
    Krum,
    MoDoWeighting,
    PCGrad,
    PCGradWeighting,
    TrimmedMean,
)

from multitask.balancing import DBMTL, GradientBalancer, MoCo
from multitask.balancing.gate import gate
from multitask.balancing.weightings import IMTLG, Nash
from multitask.errors import InputError

TASKS = ["a", "b", "c"]
ALL = torch.ones(3, dtype=torch.bool)


def step(balancer: GradientBalancer, encoder: nn.Module, losses: Any) -> None:
    views = gate(encoder(torch.ones(4, 3)), TASKS, balancer.combine)
    balancer(torch.stack([losses(task, views[task]) for task in TASKS]), ALL).backward()
    balancer.after_backward()


def ready(method: Any, **options: Any) -> tuple[GradientBalancer, nn.Linear]:
    torch.manual_seed(0)
    balancer, encoder = GradientBalancer(method, **options), nn.Linear(3, 2)
    balancer.check(TASKS)
    balancer.connect(encoder)
    return balancer, encoder


def of_scale(task: str, view: Tensor) -> Tensor:
    return {"a": 1.0, "b": 10.0, "c": 0.1}[task] * (view - TASKS.index(task)).square().mean()


@pytest.mark.parametrize(
    ("method", "options", "says"),
    [
        (PCGrad(), {"every": 0}, "every is 0"),
        (ExcessMTL(), {}, "level: shared"),
        (MoDoWeighting(), {}, "level: shared"),
        (MoCo(), {"level": "shared", "every": 2}, "every: 1"),
        (TrimmedMean(1), {"level": "shared", "parameters": "last"}, "remove parameters"),
        (PCGrad(), {"parameters": "last"}, "level: shared"),
    ],
)
def test_settings_that_cannot_work(method: Any, options: dict[str, Any], says: str) -> None:
    with pytest.raises(InputError, match=says):
        GradientBalancer(method, **options)


@pytest.mark.parametrize("method", [Constant(torch.ones(2)), Krum(1), TrimmedMean(2)])
def test_methods_that_do_not_fit_the_tasks(method: Any) -> None:
    with pytest.raises(InputError, match=f"{type(method).__name__} cannot balance 3 tasks"):
        GradientBalancer(method).check(TASKS)


@pytest.mark.parametrize(
    ("balancer", "facts", "says"),
    [
        (GradientBalancer(MoCo(), level="shared"), ("16-mixed", False, 1), "bf16-mixed"),
        (GradientBalancer(GradDrop()), ("32-true", False, 2), "GradDrop"),
        (GradientBalancer(PCGrad(), level="shared"), ("32-true", True, 2), "ddp"),
    ],
)
def test_ways_to_train_that_cannot_work(
    balancer: GradientBalancer, facts: tuple[str, bool, int], says: str
) -> None:
    with pytest.raises(InputError, match=says):
        balancer.check_run(*facts)
    balancer.check_run("32-true", False, 1)


def test_a_module_that_the_encoder_does_not_have() -> None:
    balancer = GradientBalancer(PCGrad(), level="shared", parameters="lst")
    with pytest.raises(InputError, match="no module 'lst' for the balancer; did you mean 'last'"):
        balancer.connect(nn.ModuleDict({"first": nn.Linear(2, 2), "last": nn.Linear(2, 2)}))


def test_a_compiled_encoder_is_refused_where_it_is_passed_several_times() -> None:
    encoder = torch.compile(nn.Linear(2, 2))
    GradientBalancer(IMTLG()).connect(encoder)  # type: ignore[arg-type]
    with pytest.raises(InputError, match="compiled"):
        GradientBalancer(PCGrad(), level="shared").connect(encoder)  # type: ignore[arg-type]


def test_conflicts_at_the_representation_are_warned_of(recwarn: pytest.WarningsRecorder) -> None:
    GradientBalancer(PCGrad(), level="shared").check(TASKS)
    GradientBalancer(IMTLG()).check(TASKS)
    assert not recwarn.list
    with pytest.warns(UserWarning, match="PCGrad acts on conflicts"):
        GradientBalancer(PCGrad()).check(TASKS)


def test_weights_are_kept_between_renewals() -> None:
    balancer, encoder = ready(IMTLG(), every=2)
    seen = []
    for scale in (1.0, 5.0, 9.0):
        step(balancer, encoder, lambda t, v, s=scale: (s if t == "a" else 1) * of_scale(t, v))
        seen.append(balancer.weights.clone())
    assert torch.equal(seen[0], seen[1])
    assert not torch.allclose(seen[1], seen[2])


def test_a_task_without_labels_leaves_the_balancing() -> None:
    balancer, encoder = ready(IMTLG())
    step(balancer, encoder, of_scale)
    before = float(balancer.weights[1])
    step(balancer, encoder, lambda task, view: (task != "b") * of_scale(task, view))
    two, twin = GradientBalancer(IMTLG()), nn.Linear(3, 2)
    two.check(["a", "c"])
    twin.load_state_dict(encoder.state_dict())
    views = gate(twin(torch.ones(4, 3)), ["a", "c"], two.combine)
    losses = torch.stack([of_scale(task, view) for task, view in views.items()])
    two(losses, ALL[:2]).backward()
    torch.testing.assert_close(balancer.weights[[0, 2]], two.weights)
    assert float(balancer.weights[1]) == before


def test_a_memory_survives_a_batch_without_labels_of_a_task() -> None:
    method = GradVac(beta=0.5)
    balancer, encoder = ready(method, level="shared")
    step(balancer, encoder, of_scale)
    before = method.gramian_weighting._phi_t.clone()
    step(balancer, encoder, lambda task, view: (task != "b") * of_scale(task, view))
    after = method.gramian_weighting._phi_t
    assert torch.equal(after[1], before[1])
    assert torch.equal(after[:, 1], before[:, 1])
    assert not torch.equal(after[0, 2], before[0, 2])


def test_several_tensors_make_one_representation() -> None:
    whole, encoder = ready(Nash())
    split, _ = ready(Nash())
    step(whole, encoder, of_scale)
    expected = encoder.weight.grad
    encoder.weight.grad = None
    left, right = encoder(torch.ones(4, 3)).split(1, 1)
    views = gate({"left": left, "right": right}, TASKS, split.combine)
    losses = [of_scale(task, torch.cat(list(views[task].values()), 1)) for task in TASKS]
    split(torch.stack(losses), ALL).backward()
    torch.testing.assert_close(split.weights, whole.weights)
    torch.testing.assert_close(encoder.weight.grad, expected)


@pytest.mark.parametrize(
    "method", [MoCo(), DBMTL(), ExcessMTL()], ids=lambda each: type(each).__name__
)
def test_as_many_parameters_as_tasks_are_not_taken_for_products(method: Any) -> None:
    balancer = GradientBalancer(method, level="shared")
    encoder = nn.Linear(2, 1)
    balancer.check(TASKS)
    balancer.connect(encoder)
    for present in (ALL, torch.tensor([True, False, True])):
        views = gate(encoder(torch.ones(4, 2)), TASKS, balancer.combine)
        losses = torch.stack([of_scale(task, view) for task, view in views.items()])
        balancer(losses * present, present).backward()
        balancer.after_backward()
    assert encoder.weight.grad is not None
    assert encoder.weight.grad.isfinite().all()


def test_a_weighting_inside_an_aggregator_may_begin_without_a_task() -> None:
    method = GramianWeightedAggregator(CRMOGMWeighting(PCGradWeighting()))
    balancer, encoder = ready(method, level="shared")
    assert balancer.traits.defines_length
    assert balancer.traits.sees_conflicts
    step(balancer, encoder, lambda task, view: (task != "b") * of_scale(task, view))
    step(balancer, encoder, of_scale)
    assert (balancer.weights > 0).all()


def test_parameters_unfrozen_while_training_get_their_gradient() -> None:
    encoder = nn.Sequential(nn.Linear(3, 2), nn.Linear(2, 2))
    encoder[0].requires_grad_(False)
    balancer = GradientBalancer(PCGrad(), level="shared")
    balancer.check(TASKS)
    balancer.connect(encoder)
    step(balancer, encoder, of_scale)  # type: ignore[arg-type]
    balancer.after_step(lambda: torch.ones(3))
    encoder[0].requires_grad_(True)
    step(balancer, encoder, of_scale)  # type: ignore[arg-type]
    assert encoder[0].weight.grad is not None
    assert encoder[0].weight.grad.abs().sum() > 0
