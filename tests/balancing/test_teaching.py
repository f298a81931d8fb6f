"""How much a task teaches: its gradient counts by a factor for the encoder, fully for its head."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from typing import Any

import pytest
import torch
from conformance.cases import CASES, CGC, Case
from conformance.training import small_model
from torch import Tensor
from torch.testing import assert_close
from torchjd.aggregation import NashMTL, TrimmedMean

from multitask import MultiTask
from multitask.balancing import FixedWeights, GradientBalancer, GradNorm, ScaleInvariant
from multitask.balancing.task_gradients import TaskGradients
from multitask.balancing.views import Views
from multitask.balancing.weightings import IMTLG, MGDA
from multitask.encoders import TimmMaps
from multitask.errors import InputError
from multitask.sharing import CrossStitch
from multitask.tasks import Classification, DenseRegression, Regression, Segmentation

EXACT = {"rtol": 1e-12, "atol": 1e-12}
WEIGHING = (
    "FixedWeights",
    "UW",
    "GradNorm",
    "our Nash",
    "our IMTLG",
    "GradVac every 2",
    "ExcessMTL",
    "MoDo",
    "SDMGrad",
)
DIRECTIONS = ("GradDrop", "GradDrop of activations", "MoCo", "DB-MTL")
READABLE = (*WEIGHING, *DIRECTIONS, "UPGrad with preference", "CRMOGM", "ConFIG", "ScaleInvariant")
"""One balancer of each way through the code."""


def named(names: Sequence[str]) -> list[Case]:
    return [case for case in CASES if case.name in names or (case.sharing and names == READABLE)]


class Weighted(FixedWeights):
    """Weighs the tasks' gradients by given numbers at the gate."""

    weighs_gradients = True

    def __init__(self, weights: Sequence[float]) -> None:
        super().__init__()
        self.given = weights

    def combine(self, gradients: TaskGradients) -> list[Tensor | None]:
        return gradients.weighted(torch.tensor(self.given))


def batch(**changed: Tensor) -> dict[str, Tensor]:
    generator = torch.Generator().manual_seed(1)
    return {
        "image": torch.rand(9, 1, 4, 4, generator=generator, dtype=torch.float64),
        "kind": torch.arange(9) % 3,
        "size": torch.randn(9, generator=generator, dtype=torch.float64),
        "place": torch.randn(9, 2, generator=generator, dtype=torch.float64),
        **changed,
    }


def gradients(model: MultiTask, data: dict[str, Tensor] | None = None, steps: int = 1) -> Any:
    """Every parameter's gradient after some steps of gradient descent."""
    for step in range(steps):
        model.zero_grad()
        # An encoder may draw which inputs it drops.
        torch.manual_seed(step)
        losses, totals = model.losses(model(*model.inputs_of(data or batch())), data or batch())
        model.balancer(losses, totals[1] > 0).backward()
        model.balancer.after_backward()
        if step < steps - 1:
            torch.optim.SGD(model.parameters(), lr=0.05).step()
            model.balancer.after_step(losses.detach)
    return {name: each.grad for name, each in model.named_parameters() if each.grad is not None}


def of(found: dict[str, Tensor], part: str) -> dict[str, Tensor]:
    return {name: each for name, each in found.items() if name.startswith(part)}


def model_of(case: Case, teaches: Sequence[float]) -> MultiTask:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return small_model(case.make(), sharing=case.sharing, teaches=teaches)


@pytest.mark.parametrize("factors", [(0, 1, 1), (0, 1, 0), (0.25, 1, 3)], ids=str)
def test_it_is_what_the_gate_does_with_these_weights(factors: tuple[float, ...]) -> None:
    found = gradients(small_model(FixedWeights(), teaches=factors))
    assert_close(found, gradients(small_model(Weighted(factors))), **EXACT)
    plain = gradients(small_model(FixedWeights()))
    assert_close(of(found, "heads"), of(plain, "heads"), **EXACT)
    assert not torch.allclose(found["encoder.last.weight"], plain["encoder.last.weight"])


@pytest.mark.parametrize("case", named(READABLE), ids=str)
def test_of_a_reader_the_encoder_learns_as_if_it_had_no_labels(case: Case) -> None:
    without = batch(kind=torch.full((9,), -100))
    reading, unlabelled = model_of(case, (0, 1, 1)), model_of(case, (1, 1, 1))
    found = gradients(reading, steps=2)
    expected = gradients(unlabelled, without, steps=2)
    assert_close(of(found, "encoder"), of(expected, "encoder"), rtol=1e-9, atol=1e-10)
    assert all(each.abs().max() > 1e-3 for each in of(found, "heads.kind").values())


@pytest.mark.parametrize("case", named(WEIGHING), ids=str)
def test_a_factor_counts_behind_every_balancing(case: Case) -> None:
    half, plain, double = (
        of(gradients(model_of(case, (1, factor, 1))), "encoder") for factor in (0.5, 1, 2)
    )
    for name, one in plain.items():
        assert_close(double[name] - one, 2 * (one - half[name]), rtol=1e-6, atol=1e-10)
    assert any(not torch.equal(half[name], one) for name, one in plain.items())


@pytest.mark.parametrize("name", DIRECTIONS)
def test_a_method_without_weights_takes_all_or_nothing(name: str) -> None:
    case = next(each for each in CASES if each.name == name)
    with pytest.raises(InputError, match="task 'place': teaches is 0.5, but .* give 0 or 1"):
        model_of(case, (1, 1, 0.5))
    model_of(case, (1, 0, 1))


@pytest.mark.parametrize("method", [TrimmedMean(1), NashMTL(3)])
def test_a_method_that_counts_on_all_tasks_is_refused_before_training(method: Any) -> None:
    with pytest.raises(InputError, match=f"{type(method).__name__} cannot balance 2 tasks that"):
        small_model(GradientBalancer(method), teaches=(0, 1, 1))


@pytest.mark.parametrize("balancer", [FixedWeights(), GradientBalancer(IMTLG()), GradNorm()])
def test_labels_of_a_reader_alone_leave_the_encoder_as_it_is(balancer: Any) -> None:
    model = small_model(balancer, teaches=(0, 1, 1))
    missing = torch.full((9, 2), torch.nan, dtype=torch.float64)
    found = gradients(model, batch(size=missing[:, 0], place=missing))
    assert of(found, "encoder").keys() == {
        f"encoder.{n}" for n, _ in model.encoder.named_parameters()
    }
    assert all(not each.any() for each in of(found, "encoder").values())
    assert found["heads.kind.weight"].any()


def test_a_reader_whose_gradient_overflows_leaves_the_encoder_whole() -> None:
    model = small_model(FixedWeights(), teaches=(0, 1, 1))
    model.heads["kind"].register_forward_hook(
        lambda _, __, output: output.register_hook(lambda gradient: gradient * torch.nan) and None
    )
    assert all(each.isfinite().all() for each in of(gradients(model), "encoder").values())


def test_own_experts_and_mixtures_of_a_reader_learn_fully() -> None:
    for sharing in (CGC, CrossStitch):
        plain, reading = (
            gradients(small_model(FixedWeights(), sharing=sharing, teaches=(factor, 1, 1)))
            for factor in (1, 0)
        )
        assert_close(of(reading, "sharing"), of(plain, "sharing"), **EXACT)
        assert of(reading, "encoder").keys() == of(plain, "encoder").keys()
    assert not torch.equal(
        plain["encoder.columns.0.last.weight"], reading["encoder.columns.0.last.weight"]
    )


@pytest.mark.parametrize("factor", [0, 0.5])
def test_trials_and_evaluation_are_not_of_it(factor: float) -> None:
    plain, changed = (small_model(FixedWeights(), teaches=(t, 1, 1)) for t in (1, factor))
    slopes = [
        torch.autograd.grad(model.tried(batch())[0], model.encoder.last.weight)[0]
        for model in (plain, changed)
    ]
    assert torch.equal(*slopes)
    assert slopes[0].any()
    of_images = []
    for model in (plain.eval(), changed.eval()):
        data = batch()
        data["image"].requires_grad_()
        model.losses(model(data["image"]), data)[0][0].backward()
        of_images.append(data["image"].grad)
    assert_close(*of_images, rtol=0, atol=0)


@pytest.mark.parametrize("factor", [0, 0.5])
def test_maps_lists_and_masks(factor: float) -> None:
    values, mask = torch.randn(2, 3, requires_grad=True), torch.ones(2, dtype=torch.bool)
    views = Views(FixedWeights(), {"a": factor, "b": 1})({"deep": [values * 1], "mask": mask}, True)
    sum(view["deep"][0].sum() * (1 + 2 * (name == "a")) for name, view in views.items()).backward()
    assert_close(values.grad, torch.full((2, 3), 1.0 + 3 * factor))
    assert views["a"]["mask"].all()


def test_maps_of_timm() -> None:
    torch.manual_seed(0)
    tasks = {"mask": Segmentation(2, teaches=0), "depth": DenseRegression()}
    model = MultiTask(TimmMaps("test_resnet"), tasks)
    data = {
        "image": torch.rand(2, 3, 32, 32),
        "mask": torch.zeros(2, 32, 32, dtype=torch.long),
        "depth": torch.full((2, 32, 32), torch.nan),
    }
    found = gradients(model, data)
    assert not any(each.any() for each in of(found, "encoder").values())
    assert any(each.any() for each in of(found, "heads.mask").values())


def test_counted_weights_say_it() -> None:
    views = Views(FixedWeights(), {"a": 0, "b": 0.5})
    assert views.gradient_weights.tolist() == [0, 0.5]
    balancer = GradientBalancer(MGDA())
    balancer.check(["a", "b"])
    balancer.weights.copy_(torch.tensor([0.5, 1.5]))
    assert Views(balancer, {"a": 1, "b": 0.5}).gradient_weights.tolist() == [0.5, 0.75]


@pytest.mark.parametrize("factor", [-1, float("nan"), float("inf")])
def test_factors_that_cannot_be(factor: float) -> None:
    with pytest.raises(InputError, match=f"teaches is {factor}; .* must be finite and 0 or more"):
        Regression(teaches=factor)


def test_somebody_must_teach() -> None:
    with pytest.raises(InputError, match="^teaches is 0 for every task, .*: freeze it instead"):
        small_model(FixedWeights(), teaches=(0, 0, 0))
    tasks = {"kind": Classification(3, teaches=0), "size": Regression(weight=0)}
    with pytest.raises(InputError, match="^teaches or weight is 0 for every task"):
        MultiTask(small_model(FixedWeights()).encoder, tasks)  # type: ignore[arg-type]


def test_a_balancing_of_losses_is_not_a_method_for_gradients() -> None:
    given: Any = ScaleInvariant()
    with pytest.raises(InputError, match="method is a ScaleInvariant, .* losses, .*Scalarized"):
        GradientBalancer(given)
