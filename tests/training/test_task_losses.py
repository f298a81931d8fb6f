"""Losses of many tasks are those of each, in less time."""

from __future__ import annotations

from collections.abc import Sequence
from copy import deepcopy
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from multitask.tasks import Classification, Regression, Task
from multitask.training.task_losses import ENOUGH, TaskLosses

BATCH = 12


class Watched(Regression):
    """Counts how often its own loss is computed."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self.calls = 0

    def loss(self, output: Tensor, target: Tensor) -> tuple[Tensor, Tensor]:
        self.calls += 1
        return super().loss(output, target)


class OwnLoss(nn.Module):
    """A loss of which the task knows nothing."""

    def forward(self, output: Tensor, target: Tensor) -> Tensor:
        return (output - target).abs()


def regressions(count: int, **options: Any) -> dict[str, Task]:
    tasks: dict[str, Task] = {}
    for place in range(count):
        task = Regression(**options)
        task.learn_statistics("", torch.randn(50, task.size) * (place + 1) + 100 * place)
        tasks[f"number_{place}"] = task
    return tasks


def classifications(count: int, **options: Any) -> dict[str, Task]:
    weights = torch.rand(count, 3).tolist()
    return {
        f"class_{place}": Classification(3, class_weights=weights[place], **options)
        for place in range(count)
    }


def a_batch(tasks: dict[str, Task]) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
    """Outputs that want gradients, and targets a third of which is missing; of one task, all."""
    outputs, targets = {}, {}
    for place, (name, task) in enumerate(tasks.items()):
        outputs[name] = torch.randn(BATCH, task.out_features, requires_grad=True)
        missing = torch.rand(BATCH) < (1 if place == 1 else 1 / 3)
        if isinstance(task, Classification):
            targets[name] = torch.randint(3, (BATCH,)).where(~missing, -100)
        else:
            numbers = 100 * place + torch.randn(BATCH, task.out_features)
            numbers[missing] = torch.nan
            targets[name] = numbers.squeeze(1)
    return outputs, targets


def one_by_one(tasks: dict[str, Task], *batch: dict[str, Tensor]) -> Tensor:
    outputs, targets = batch
    pairs = [torch.stack(task.loss(outputs[name], targets[name])) for name, task in tasks.items()]
    return torch.stack(pairs, 1)


def compared(tasks: dict[str, Task], dtype: torch.dtype = torch.float32) -> None:
    """Losses, counts and gradients equal those of each task by itself."""
    outputs, targets = a_batch(tasks)
    outputs = {name: each.detach().to(dtype).requires_grad_() for name, each in outputs.items()}
    found, expected = TaskLosses(tasks)(outputs, targets), one_by_one(tasks, outputs, targets)
    torch.testing.assert_close(found, expected)
    assert found.dtype == expected.dtype
    factors = torch.rand(len(tasks), dtype=dtype)
    gradients = [
        torch.autograd.grad((each[0] * factors).sum(), list(outputs.values()))
        for each in (found, expected)
    ]
    torch.testing.assert_close(gradients[0], gradients[1])
    assert all(each.isfinite().all() for each in gradients[0])


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize(
    "options",
    [{}, {"size": 4, "scale": "common"}, {"size": 2, "loss": nn.HuberLoss(delta=0.3)}],
)
def test_joint_regressions_equal_each(options: Any, dtype: torch.dtype) -> None:
    compared(regressions(ENOUGH, **deepcopy(options)), dtype)


@pytest.mark.parametrize("smoothing", [0.0, 0.2])
def test_joint_classifications_equal_each(smoothing: float) -> None:
    compared(classifications(ENOUGH, label_smoothing=smoothing))


def test_order_is_that_of_the_tasks() -> None:
    numbers, classes = regressions(ENOUGH), classifications(ENOUGH)
    mixed: dict[str, Task] = {"vector": Regression(3)}
    for number, label in zip(numbers.items(), classes.items(), strict=True):
        mixed |= dict([number, label])
    compared({**mixed, "other": Classification(3)})


def test_few_tasks_are_computed_as_each_to_the_bit() -> None:
    tasks = {**regressions(ENOUGH - 1), **classifications(ENOUGH - 1)}
    batch = a_batch(tasks)
    assert torch.equal(TaskLosses(tasks)(*batch), one_by_one(tasks, *batch))


def test_alike_tasks_take_as_many_operations_as_one() -> None:
    def operations(count: int) -> int:
        tasks = regressions(count)
        losses, batch = TaskLosses(tasks), a_batch(tasks)
        with torch.profiler.profile() as profile:
            losses(*batch)
        # A task by itself computes a loss; what is joined is stacked and taken apart.
        return sum(each.name == "aten::mse_loss" for each in profile.events())

    assert operations(3 * ENOUGH) == operations(ENOUGH) == 1
    assert operations(ENOUGH - 1) == ENOUGH - 1


@pytest.mark.parametrize(
    "groups",
    [
        [{"size": 2}, {"size": 3}],
        [{"loss": nn.MSELoss()}, {"loss": nn.L1Loss()}],
        [{"loss": nn.HuberLoss(delta=1.0)}, {"loss": nn.HuberLoss(delta=2.0)}],
        [{"loss": OwnLoss()}],
    ],
)
def test_tasks_that_differ_are_not_joined(
    groups: Sequence[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    joint: list[int] = []
    own = Regression.joint_loss

    def counted(tasks: Sequence[Any], *batch: Any) -> Tensor:
        joint.append(len(tasks))
        return own(tasks, *batch)

    monkeypatch.setattr(Regression, "joint_loss", staticmethod(counted))
    tasks = {
        f"{name}_{place}": task
        for place, options in enumerate(groups)
        for name, task in regressions(ENOUGH, **options).items()
    }
    compared(tasks)
    assert joint == ([] if len(groups) == 1 else [ENOUGH, ENOUGH])


def test_a_loss_that_a_class_overrides_is_used() -> None:
    tasks: dict[str, Task] = {str(place): Watched() for place in range(ENOUGH)}
    compared(tasks)
    # Once for each of the two ways to compute them.
    assert [task.calls for task in tasks.values()] == [2] * ENOUGH  # type: ignore[union-attr]


def test_a_copy_uses_its_own_tasks() -> None:
    tasks = nn.ModuleDict(regressions(ENOUGH))
    model = nn.Module()
    model.tasks, model.losses = tasks, TaskLosses(dict(tasks.items()))  # type: ignore[arg-type]
    copy = deepcopy(model)
    for task in copy.tasks.values():  # type: ignore[operator, union-attr]
        task.mean += 1
    batch = a_batch(dict(tasks.items()))  # type: ignore[arg-type]
    assert not torch.allclose(copy.losses(*batch)[0], model.losses(*batch)[0])  # type: ignore[operator]
