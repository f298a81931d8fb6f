"""torchjd's scalarizations as balancers."""

from __future__ import annotations

import io
from collections.abc import Callable
from functools import partial
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.testing import assert_close
from torchjd import scalarization
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

from multitask.balancing import Scalarized
from multitask.errors import InputError

ALL = torch.ones(3, dtype=torch.bool)
WEIGHTS, REFERENCE = torch.tensor([0.5, 0.2, 0.3]), torch.tensor([0.1, 0.0, 0.2])


def uncertain(weights: Tensor = WEIGHTS) -> UW:
    scalarizer = UW(len(weights))
    scalarizer.log_var.data.copy_(weights)
    return scalarizer


def scaled(weights: Tensor = WEIGHTS) -> IMTLL:
    scalarizer = IMTLL(len(weights))
    scalarizer.log_scale.data.copy_(weights)
    return scalarizer


MEMORYLESS: dict[str, Callable[[Tensor], Scalarizer]] = {
    "UW": lambda keep: uncertain(WEIGHTS[keep]),
    "IMTLL": lambda keep: scaled(WEIGHTS[keep]),
    "STCH": lambda keep: STCH(0.5, WEIGHTS[keep], REFERENCE[keep]),
    "STCH without weights": lambda _: STCH(0.5),
    "GeometricMean": lambda _: GeometricMean(),
    "Random": lambda _: Random(),
    "Sum": lambda _: Sum(),
    "Mean": lambda _: Mean(),
    "Constant": lambda keep: Constant(WEIGHTS[keep]),
    "PBI": lambda keep: PBI(5.0, WEIGHTS[keep], REFERENCE[keep]),
    "PBI without reference": lambda keep: PBI(5.0, WEIGHTS[keep]),
    "COSMOS": lambda keep: COSMOS(1.0, WEIGHTS[keep]),
}
REMEMBERING: dict[str, Callable[[], Scalarizer]] = {
    "DWA": partial(DWA, temperature=1.0),
    "FAMO": partial(FAMO, shape=3),
}


def losses(seed: int = 0) -> Tensor:
    return (torch.rand(3, generator=torch.Generator().manual_seed(seed)) + 0.2).requires_grad_()


def gradients(value: Tensor, *inputs: Tensor) -> tuple[Tensor, ...]:
    return torch.autograd.grad(
        value, inputs, retain_graph=True, allow_unused=True, materialize_grads=True
    )


def made(scalarizer: Any) -> Scalarized:
    balancer = Scalarized(scalarizer)
    balancer.check(["a", "b", "c"])
    return balancer


def test_every_scalarization_of_torchjd_is_tested_here() -> None:
    tested = {name.split()[0] for name in [*MEMORYLESS, *REMEMBERING]}
    assert tested == set(scalarization.__all__) - {"Scalarizer"}


@pytest.mark.parametrize("name", MEMORYLESS)
def test_value_and_gradient_are_torchjds(name: str) -> None:
    balancer, reference = made(MEMORYLESS[name](ALL)), MEMORYLESS[name](ALL)
    values = losses()
    torch.manual_seed(0)
    found = balancer(values, ALL)
    torch.manual_seed(0)
    expected = reference(values)
    assert_close(found, expected)
    for ours, torchjds in zip(
        gradients(found, values, *balancer.parameters()),
        gradients(expected, values, *reference.parameters()),
        strict=True,
    ):
        assert_close(ours, torchjds)


@pytest.mark.parametrize("name", REMEMBERING)
def test_values_of_a_whole_training_are_torchjds(name: str) -> None:
    balancer, reference = made(REMEMBERING[name]()), REMEMBERING[name]()
    for step in range(12):
        before, after = losses(step), losses(100 + step).detach()
        expected = reference(before)
        assert_close(balancer(before, ALL), expected, msg=f"step {step}")
        balancer.after_step(lambda after=after: after)
        if hasattr(reference, "update"):
            reference.update(after)
        if step % 3 == 2:
            balancer.after_epoch()
            if hasattr(reference, "step"):
                reference.step()
    assert_close(expected != before.sum(), torch.tensor(True))


def test_scalarization_can_be_given_as_a_partial() -> None:
    assert_close(made(partial(UW, shape=3))(losses(), ALL), made(UW(3))(losses(), ALL))


@pytest.mark.parametrize("labelled", [[True, False, True], [False, True, False]])
@pytest.mark.parametrize("name", MEMORYLESS)
def test_task_without_labels_leaves_the_balancing(name: str, labelled: list[bool]) -> None:
    keep = torch.tensor(labelled)
    balancer, reference = made(MEMORYLESS[name](ALL)), MEMORYLESS[name](keep)
    values = torch.where(keep, losses(), 0.0).detach().requires_grad_()
    torch.manual_seed(0)
    found = balancer(values, keep)
    torch.manual_seed(0)
    expected = reference(values[keep])
    assert_close(found, expected)
    ours, *of_parameters = gradients(found, values, *balancer.parameters())
    assert_close(ours, gradients(expected, values)[0])
    assert ours[~keep].eq(0).all()
    _, *torchjds = gradients(expected, values, *reference.parameters())
    for each, kept in zip(of_parameters, torchjds, strict=True):
        assert_close(each[keep], kept)
        assert each[~keep].eq(0).all()


@pytest.mark.parametrize("name", MEMORYLESS)
def test_batch_without_any_label_has_no_loss_and_no_gradient(name: str) -> None:
    balancer, values = made(MEMORYLESS[name](ALL)), torch.zeros(3, requires_grad=True)
    total = balancer(values, ~ALL)
    assert total == 0
    _, *of_parameters = gradients(total, values, *balancer.parameters())
    assert all(gradient.eq(0).all() for gradient in of_parameters)


def test_memory_sees_the_last_known_loss_of_a_task_without_labels() -> None:
    balancer, reference = made(DWA()), DWA()
    first, second = losses(1).detach(), losses(2).detach()
    keep = torch.tensor([True, False, True])
    gap = torch.where(keep, second, 0.0).requires_grad_()
    for epoch in range(3):
        balancer(first, ALL)
        found = balancer(gap, keep)
        reference(first)
        expected = reference(torch.where(keep, second, first))
        assert_close(found, expected, msg=f"epoch {epoch}")
        assert gradients(found, gap)[0][1] == 0
        balancer.after_epoch()
        reference.step()


def test_dwa_raises_the_weight_of_the_task_that_descends_more_slowly() -> None:
    balancer = made(DWA(temperature=2.0))
    averages = [torch.tensor([1.0, 1.0, 1.0]), torch.tensor([0.9, 0.5, 1.2])]
    for average in averages:
        for factor in (0.5, 1.5):
            assert_close(balancer(average * factor, ALL), (average * factor).sum())
        balancer.after_epoch()
    values = losses()
    (weights,) = gradients(balancer(values, ALL), values)
    assert_close(weights, 3 * (averages[1] / averages[0] / 2).softmax(0))


def test_famo_raises_the_weight_of_the_task_that_descends_more_slowly() -> None:
    balancer = made(FAMO(3))
    before, after = torch.tensor([1.0, 1.0, 1.0]), torch.tensor([0.5, 0.9, 0.9])
    for _ in range(20):
        balancer(before, ALL)
        balancer.after_step(lambda: after)
    values = before.clone().requires_grad_()
    (weights,) = gradients(balancer(values, ALL), values)
    assert weights[0] < 0.3 < weights[1]
    assert_close(weights[1], weights[2])
    assert_close(weights.sum(), torch.tensor(1.0))


def test_famo_does_not_take_a_missing_loss_for_a_descent() -> None:
    balancer, keep = made(FAMO(3)), torch.tensor([True, False, True])
    values = torch.ones(3)
    balancer(values, ALL)
    for _ in range(20):
        balancer(values * keep, keep)
        balancer.after_step(lambda: values * keep)
    (weights,) = gradients(balancer(values.requires_grad_(), ALL), values)
    assert_close(weights, torch.full((3,), 1 / 3))


def test_losses_after_the_step_are_computed_only_where_they_are_needed() -> None:
    balancer = made(UW(3))
    balancer(losses(), ALL)
    balancer.after_step(lambda: pytest.fail("computed for nothing"))


@pytest.mark.parametrize(
    "scalarizer",
    [UW(2), IMTLL(2), FAMO(2), Constant(torch.ones(2)), STCH(1.0, torch.ones(2)), UW((3, 1))],
    ids=str,
)
def test_wrong_number_of_entries_is_refused(scalarizer: Scalarizer) -> None:
    with pytest.raises(InputError, match="does not fit the 3 tasks a, b, c") as error:
        Scalarized(scalarizer).check(["a", "b", "c"])
    assert type(scalarizer).__name__ in str(error.value)
    assert "one entry for each task" in str(error.value)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("scalarizer", [DWA(), FAMO(3)], ids=str)
def test_checking_is_not_remembered(scalarizer: Scalarizer) -> None:
    balancer = Scalarized(scalarizer)
    before = {name: str(value) for name, value in vars(scalarizer).items()}
    balancer.check(["a", "b", "c"])
    after = {name: str(value) for name, value in vars(scalarizer).items()}
    assert after == before


def train(balancer: Scalarized, steps: range) -> list[float]:
    """Train three weights; an epoch is 4 steps, and every third batch lacks a task's labels."""
    history: list[float] = []
    optimizer = (
        torch.optim.SGD(balancer.parameters(), lr=0.1) if step_parameters(balancer) else None
    )
    for step in steps:
        keep = torch.tensor([True, step % 3 != 0, True])
        loss = balancer(losses(step) * keep, keep)
        if optimizer:
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
        after = losses(step).detach() * torch.tensor([0.9, 0.8, 0.99]) * keep
        balancer.after_step(lambda after=after: after)
        if step % 4 == 3:
            balancer.after_epoch()
        history.append(loss.item())
    return history


def step_parameters(balancer: Scalarized) -> bool:
    return not isinstance(balancer.scalarizer, FAMO) and bool(list(balancer.parameters()))


@pytest.mark.parametrize("stop", [0, 1, 6, 8, 13])
@pytest.mark.parametrize(
    "build",
    [partial(UW, shape=3), partial(IMTLL, shape=3), DWA, partial(FAMO, shape=3, lr=0.1)],
    ids=["UW", "IMTLL", "DWA", "FAMO"],
)
def test_resumed_balancing_goes_on_as_if_never_stopped(
    build: Callable[[], Scalarizer], stop: int
) -> None:
    whole = train(made(build()), range(20))
    first, second = made(build()), made(build())
    history = train(first, range(stop))
    file = io.BytesIO()
    torch.save(first.state_dict(), file)
    file.seek(0)
    second.load_state_dict(torch.load(file, weights_only=True))
    assert history + train(second, range(stop, 20)) == whole
    assert len({round(value, 6) for value in whole}) > 10


def test_preferences_follow_the_model_to_its_device() -> None:
    balancer = made(Constant(WEIGHTS)).to("meta")
    assert balancer(torch.ones(3, device="meta"), ALL).device.type == "meta"


@pytest.mark.parametrize("name", REMEMBERING)
def test_memory_read_from_a_checkpoint_follows_the_model_to_its_device(name: str) -> None:
    # Lightning reads a checkpoint into the model before it moves the model to the GPU.
    saved, balancer = made(REMEMBERING[name]()), made(REMEMBERING[name]())
    train(saved, range(9))
    balancer.load_state_dict(saved.state_dict())
    balancer.to("meta")
    balancer(torch.ones(3, device="meta"), ALL.to("meta"))
    memory = [value for value in vars(balancer.scalarizer).values() if isinstance(value, Tensor)]
    if isinstance(balancer.scalarizer, FAMO):
        (state,) = balancer.scalarizer._optimizer.state.values()
        memory += [state["exp_avg"], state["exp_avg_sq"]]
    else:
        memory += balancer.scalarizer._previous_averages
    assert {value.device.type for value in memory} == {"meta"}
