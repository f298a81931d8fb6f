"""Adapters and FiLM: what changes the representation for each task behind the gate."""

from __future__ import annotations

from functools import partial
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.testing import assert_close

from multitask.encoders import Form, Maps, Tokens, Vector
from multitask.errors import InputError
from multitask.sharing import Adapters, FiLM, SharingCallable

from .conftest import Make, assert_hard_sharing, gate_gramian, learned, separate_gramian

SCHEMES = [partial(Adapters, width=3), FiLM]
TASKS = ["a", "b"]


@pytest.mark.parametrize("scheme", SCHEMES)
def test_it_begins_as_hard_sharing(
    scheme: SharingCallable,
    model: Make,
    batch: dict[str, Tensor],
    map_model: Make,
    map_batch: dict[str, Tensor],
) -> None:
    assert_hard_sharing(model(scheme), model(), batch)
    assert_hard_sharing(map_model(scheme), map_model(), map_batch)


@pytest.mark.parametrize("scheme", SCHEMES)
def test_the_gate_sees_the_gradients_of_separate_passes(
    scheme: SharingCallable,
    model: Make,
    batch: dict[str, Tensor],
    map_model: Make,
    map_batch: dict[str, Tensor],
) -> None:
    for make, samples in ((model, batch), (map_model, map_batch)):
        found = learned(make(scheme))
        gramian = gate_gramian(found, samples)
        assert_close(gramian, separate_gramian(found, samples), atol=1e-14, rtol=1e-10)
        # Those of maps that a task does not read, too, or DDP would wait for them.
        assert all(each.grad is not None for each in found.parameters())


def test_parameter_counts() -> None:
    def numbers(scheme: torch.nn.Module) -> int:
        return sum(each.numel() for each in scheme.parameters())

    for form, features in ((Vector(6), [6]), (Tokens(6), [6]), (Maps((4, 8), (1, 2)), [4, 8])):
        assert numbers(FiLM(form, TASKS)) == 2 * 2 * sum(features)
        adapter = sum(2 * 3 * each + 3 + each for each in features)
        assert numbers(Adapters(form, TASKS, width=3)) == 2 * adapter


def test_a_factor_and_a_shift_are_each_features_own() -> None:
    for form, shape in ((Vector(3), (2, 3)), (Maps((3,), (1,)), (2, 3, 1, 1))):
        sharing = FiLM(form, TASKS)
        parts: Any = sharing.parts
        parts["b"][0].factor.data = torch.tensor([0.0, 1.0, -1.0])
        parts["b"][0].shift.data = torch.tensor([1.0, 0.0, 0.5])
        values = torch.ones(shape)
        view = [values] if isinstance(form, Maps) else values
        found = sharing(dict.fromkeys(TASKS, view))
        one, other = (each[0] if isinstance(each, list) else each for each in found.values())
        assert torch.equal(one, values)
        assert other.flatten(1).tolist() == [[2, 2, 0.5]] * 2


def test_places_of_tokens_stay() -> None:
    sharing = Adapters(Tokens(4), TASKS, width=2)
    parts: Any = sharing.parts
    torch.nn.init.ones_(parts["a"][0].up.bias)
    values, is_token = torch.rand(2, 5, 4), torch.ones(2, 5, dtype=torch.bool)
    found = sharing({task: [values, is_token] for task in TASKS})
    assert_close(found["a"][0], values + 1)
    assert torch.equal(found["b"][0], values)
    assert found["a"][1] is is_token


class Graph(Form):
    """A form of somebody else's."""

    features = 3

    def vector(self, representation: Any) -> Tensor:
        return representation

    def misfit(self, representation: Any) -> str | None:
        return None


@pytest.mark.parametrize("scheme", [Adapters, FiLM])
def test_another_form_is_refused(scheme: SharingCallable) -> None:
    with pytest.raises(InputError, match="accepts a vector, maps or tokens, but .* returns Graph"):
        scheme(Graph(), TASKS)


def test_a_bottleneck_has_a_feature() -> None:
    with pytest.raises(InputError, match="width is 0; an adapter's bottleneck needs at least 1"):
        Adapters(Vector(4), TASKS, width=0)
