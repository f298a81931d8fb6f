"""What methods remember: taken up by a fresh object, and left alone for absent tasks."""

from __future__ import annotations

import io
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.testing import assert_close
from torchjd.aggregation import (
    PCD,
    Aggregator,
    Constant,
    CRMOGMWeighting,
    ExcessMTL,
    GradVac,
    MGDAWeighting,
    MoDoWeighting,
    SDMGradWeighting,
)

from multitask.balancing import DBMTL, MoCo
from multitask.balancing.memory import Memory

METHODS: dict[str, Callable[[], Any]] = {
    "GradVac": lambda: GradVac(beta=0.3),
    "ExcessMTL": ExcessMTL,
    "ExcessMTL in warm-up": lambda: ExcessMTL(n_warmup_steps=3),
    "CRMOGM": lambda: CRMOGMWeighting(MGDAWeighting(), alpha=0.6),
    "PCD": lambda: PCD(beta=0.9),
    "MoDo": MoDoWeighting,
    "SDMGrad": lambda: SDMGradWeighting(lr=0.1, n_iter=2),
    "DBMTL": DBMTL,
    "MoCo": MoCo,
}
WITHOUT_B = torch.tensor([True, False, True])

every = pytest.mark.parametrize("name", METHODS)


def jacobian(step: int) -> Tensor:
    generator = torch.Generator().manual_seed(step)
    return torch.randn(3, 5, generator=generator, dtype=torch.float64) + 0.3


def answer(method: Any, step: int, tasks: Tensor | None = None) -> Tensor:
    """What a method makes of a step's gradients, those of some tasks only if these are given."""
    rows = jacobian(step) if tasks is None else jacobian(step)[tasks]
    torch.manual_seed(step)
    return method(rows if isinstance(method, Aggregator) else rows @ rows.T)


def double(values: list[float]) -> Tensor:
    return torch.tensor(values, dtype=torch.float64)


def per_task(method: Any) -> dict[str, Tensor]:
    state = Memory(method).read().items()
    return {key: each for key, each in state if isinstance(each, Tensor) and each.shape[:1] == (3,)}


@every
def test_fresh_object_goes_on_where_another_was_saved(name: str) -> None:
    saved, fresh, ignorant = (METHODS[name]() for _ in range(3))
    for step in (0, 1):
        answer(saved, step)
    state = Memory(saved).read()
    # What was read is a copy: it does not see these steps.
    expected = [answer(saved, step).clone() for step in (2, 3, 4)]
    file = io.BytesIO()
    torch.save(state, file)
    file.seek(0)
    Memory(fresh).write(torch.load(file, weights_only=True), torch.device("cpu"))
    for step, each in zip((2, 3, 4), expected, strict=True):
        assert_close(answer(fresh, step), each, rtol=0, atol=0)
    without = [answer(ignorant, step) for step in (2, 3, 4)]
    assert not torch.equal(torch.stack(without), torch.stack(expected))


@every
def test_memory_of_absent_tasks_stays_as_it_was(name: str) -> None:
    method = METHODS[name]()
    for step in (0, 1):
        answer(method, step)
    before = per_task(method)
    with Memory(method).only(WITHOUT_B):
        answer(method, 2, WITHOUT_B)
    after = per_task(method)
    assert before.keys() == after.keys() != set()
    assert any(not torch.equal(before[key][WITHOUT_B], after[key][WITHOUT_B]) for key in before)
    for key, whole in before.items():
        assert torch.equal(after[key][1], whole[1])
        if whole.shape == (3, 3):
            assert torch.equal(after[key][:, 1], whole[:, 1])
    # Nor does the method take itself for one of two tasks now, and begin anew.
    fresh = METHODS[name]()
    assert any(not torch.equal(answer(method, step), answer(fresh, step)) for step in range(3, 9))


@pytest.mark.parametrize("name", ["ExcessMTL", "PCD", "DBMTL"])
def test_present_tasks_are_balanced_as_if_they_had_always_been_alone(name: str) -> None:
    # These remember each task by itself, up to a factor that all weights share.
    method, twin = METHODS[name](), METHODS[name]()
    for step in (0, 1):
        answer(method, step)
        answer(twin, step, WITHOUT_B)
    with Memory(method).only(WITHOUT_B):
        found = answer(method, 2, WITHOUT_B)
    assert_close(found, answer(twin, 2, WITHOUT_B))


@pytest.mark.parametrize("name", ["ExcessMTL", "MoDo", "SDMGrad", "MoCo"])
def test_weights_still_sum_to_one(name: str) -> None:
    method = METHODS[name]()
    answer(method, 0)
    with Memory(method).only(WITHOUT_B):
        answer(method, 1, WITHOUT_B)
    sums = [float(each.sum()) for each in per_task(method).values() if each.ndim == 1]
    assert pytest.approx(1) in sums


@every
def test_memory_begins_with_the_first_batch_that_has_all_tasks(name: str) -> None:
    method, fresh = METHODS[name](), METHODS[name]()
    with Memory(method).only(WITHOUT_B):
        answer(method, 0, WITHOUT_B)
    for step in (1, 2):
        assert torch.equal(answer(method, step), answer(fresh, step))


@every
def test_batches_with_all_tasks_are_remembered(name: str) -> None:
    method, fresh = METHODS[name](), METHODS[name]()
    for step in range(3):
        with Memory(method).only(torch.ones(3, dtype=torch.bool)):
            found = answer(method, step)
        assert torch.equal(found, answer(fresh, step))


@pytest.mark.parametrize(
    ("make", "first", "second"),
    [
        (lambda beta: GradVac(beta=beta), 0.3, 0.7),
        (ExcessMTL, 1.0, 2.0),
        (lambda steps: ExcessMTL(n_warmup_steps=steps), 2, 3),
        (lambda alpha: CRMOGMWeighting(MGDAWeighting(), alpha), 0.3, 0.7),
        (lambda tau: PCD(double(tau)), [0.1, 0.2], [0.3, 0.4]),
        (MoDoWeighting, 0.1, 0.2),
        (lambda each: SDMGradWeighting(pref_vector=double(each)), [0.2, 0.3, 0.5], [1.0, 0.0, 0.0]),
        (DBMTL, 0.3, 0.7),
        (lambda gamma: MoCo(gamma=gamma), 0.1, 0.2),
        (lambda weights: Constant(double(weights)), [1.0, 2.0, 3.0], [3.0, 2.0, 1.0]),
    ],
)
def test_arguments_of_the_constructor_are_not_remembered(
    make: Callable[[Any], Any], first: Any, second: Any
) -> None:
    method, fresh = make(second), make(second)
    Memory(method).write(Memory(make(first)).read(), torch.device("cpu"))
    for step in range(4):
        assert torch.equal(answer(method, step), answer(fresh, step))


def test_arguments_with_one_entry_for_each_task_are_cut_and_come_back() -> None:
    method = Constant(double([1.0, 2.0, 3.0]))
    with Memory(method).only(WITHOUT_B):
        found = answer(method, 0, WITHOUT_B)
    assert_close(found, jacobian(0)[0] + 3 * jacobian(0)[2])
    assert_close(answer(method, 0), double([1.0, 2.0, 3.0]) @ jacobian(0))


def test_memory_is_written_to_the_device_of_the_next_call() -> None:
    saved, moved = ExcessMTL(), ExcessMTL()
    answer(saved, 0)
    Memory(moved).write(Memory(saved).read(), torch.device("meta"))
    assert {each.device.type for each in per_task(moved).values()} == {"meta"}
    moved(torch.ones(3, 5, dtype=torch.float64, device="meta"))
    # On another device than it believes to be on, the method would have begun anew.
    assert moved.weighting._n_steps == 2


def test_a_changed_argument_counts_after_a_resume() -> None:
    fresh = SDMGradWeighting(lambda_=0.9)
    Memory(fresh).write(Memory(SDMGradWeighting(lambda_=0.3)).read(), torch.device("cpu"))
    assert fresh.lambda_ == 0.9
