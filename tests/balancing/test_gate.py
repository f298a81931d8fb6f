"""The gate: the identity on the way forward, all tasks' gradients at once on the way back."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.testing import assert_close

from multitask.balancing import gate as gates
from multitask.balancing.gate import gate, needs_gradient
from multitask.balancing.task_gradients import TaskGradients

TASKS = ["a", "b", "c"]


@pytest.fixture(autouse=True, params=[0, gates.LARGE], ids=["in rows", "copied"])
def large(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """From how many numbers on gradients are put into their rows as they come."""
    monkeypatch.setattr(gates, "LARGE", request.param)


class Receiver:
    """Keeps what it gets, and gives twos."""

    def __init__(self) -> None:
        self.calls: list[TaskGradients] = []

    def __call__(self, gradients: TaskGradients) -> Sequence[Tensor | None]:
        self.calls.append(gradients)
        return [torch.full_like(part, 2.0) for part in gradients.representation]


def leaves() -> tuple[Tensor, Tensor]:
    return (
        torch.tensor([[1.0, 2.0]], requires_grad=True),
        torch.tensor([3.0, 4.0, 5.0], requires_grad=True),
    )


X, Y = leaves()


@pytest.mark.parametrize("representation", [X, [X, Y], {"x": X, "y": Y}], ids=["1", "list", "dict"])
def test_each_task_sees_the_representation_as_it_is(representation: Any) -> None:
    views = gate(representation, TASKS, Receiver())
    assert list(views) == TASKS
    for view in views.values():
        assert type(view) is type(representation)
        assert_close(view, representation, rtol=0, atol=0)


def test_gradients_of_tasks_and_tensors_arrive_separately_in_one_call() -> None:
    x, y = leaves()
    receive = Receiver()
    views = gate({"x": x, "y": y}, TASKS, receive)
    loss = views["a"]["x"].sum() + 10 * views["a"]["y"].sum() + views["b"]["x"].square().sum()
    (loss + 5 * views["c"]["y"].sum()).backward()
    (gradients,) = receive.calls
    assert gradients.tasks == 3
    assert_close(list(gradients.representation), [x, y])
    assert_close(gradients.rows[0], torch.tensor([[[1.0, 1.0]], [[2.0, 4.0]], [[0.0, 0.0]]]))
    assert_close(gradients.rows[1], torch.tensor([[10.0] * 3, [0.0] * 3, [5.0] * 3]))


def test_tensor_without_a_gradient_has_no_rows() -> None:
    receive = Receiver()
    views = gate(list(leaves()), TASKS, receive)
    views["b"][1].sum().backward()
    (gradients,) = receive.calls
    assert gradients.rows[0] is None
    assert_close(gradients.rows[1], torch.tensor([[0.0] * 3, [1.0] * 3, [0.0] * 3]))


def test_each_backward_pass_calls_once() -> None:
    receive = Receiver()
    for calls in (1, 2):
        views = gate(leaves()[0], TASKS, receive)
        torch.stack(list(views.values())).sum().backward()
        assert len(receive.calls) == calls


def test_what_is_returned_reaches_the_encoder_and_heads_get_their_own() -> None:
    encoder, head, features = nn.Linear(2, 2), nn.Linear(2, 1), torch.tensor([[1.0, 3.0]])
    views = gate(encoder(features), ["a"], Receiver())
    (7 * head(views["a"])).sum().backward()
    assert_close(encoder.weight.grad, torch.tensor([[2.0, 6.0], [2.0, 6.0]]))
    assert_close(head.weight.grad, 7 * encoder(features))


def test_none_stops_there() -> None:
    x, y = leaves()
    views = gate([x, y], TASKS, lambda gradients: [None, gradients.rows[1][0]])  # type: ignore[index]
    (views["a"][0].sum() + 4 * views["a"][1].sum()).backward()
    assert x.grad is None
    assert_close(y.grad, torch.full_like(y, 4.0))


def test_gradient_is_needed_where_anything_behind_is_trained() -> None:
    fixed = torch.ones(2)
    assert needs_gradient(X)
    assert needs_gradient({"fixed": fixed, "x": X})
    assert not needs_gradient([fixed, fixed])
    with torch.no_grad():
        assert not needs_gradient(X)


def test_a_tensor_behind_which_nothing_is_trained_has_no_gradient_to_balance() -> None:
    x, y = leaves()
    fixed = torch.tensor([6.0])
    receive = Receiver()
    views = gate([x, fixed, y], TASKS, receive)
    assert_close([list(view) for view in views.values()], [[x, fixed, y]] * 3)
    sum((part.sum() for view in views.values() for part in view), start=torch.zeros(1)).backward()
    (gradients,) = receive.calls
    assert_close(list(gradients.representation), [x, y])
    assert_close(y.grad, torch.full((3,), 2.0))


def test_a_gradient_that_is_changed_on_its_way_counts_as_it_then_is() -> None:
    x, _ = leaves()
    receive = Receiver()
    views = gate(x, TASKS, receive)
    views["b"].register_hook(lambda gradient: 3 * gradient)
    for _ in range(2):
        sum(views[task].sum() for task in ("a", "b")).backward(retain_graph=True)
    expected = torch.tensor([[[1.0, 1.0]], [[3.0, 3.0]], [[0.0, 0.0]]])
    for gradients in receive.calls:
        assert_close(gradients.rows[0], expected)
