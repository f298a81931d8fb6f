"""MMoE, and CGC, which is MMoE with experts of each task's own."""

from __future__ import annotations

from functools import partial
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.testing import assert_close

from multitask.checkpoints.fits import check_fits
from multitask.encoders import Maps, Vector
from multitask.errors import InputError
from multitask.sharing import MMoE

from .conftest import Make, Same, assert_hard_sharing, gate_gramian, separate_gramian

TASKS = ["kind", "size", "place"]


def numbers(module: nn.Module) -> int:
    return sum(each.numel() for each in module.parameters())


@pytest.mark.parametrize(("experts", "own"), [(4, 0), (2, 1), (0, 2)])
def test_parameter_counts(model: Make, experts: int, own: int) -> None:
    found = model(partial(MMoE, experts=experts, own=own, width=5))
    features, tasks, width = 6, 3, 5
    expert = (features + 1) * width
    assert numbers(found.encoder) == numbers(model().encoder) + experts * expert
    gates = tasks * (features + 1) * (experts + own)
    assert numbers(found.sharing) == tasks * own * expert + gates
    assert found.heads["place"].in_features == width


def test_one_expert_that_is_the_identity_is_hard_sharing(
    model: Make, batch: dict[str, Tensor]
) -> None:
    found = model(partial(MMoE, experts=1, width=6, expert=Same))
    assert_hard_sharing(found, model(), batch)


def test_a_task_sees_the_weighted_mean_of_its_experts() -> None:
    sharing = MMoE(Vector(6), TASKS, experts=2, own=1, width=4)
    z, one, two = torch.randn(5, 6), torch.randn(5, 4), torch.randn(5, 4)
    found = sharing({"size": [z, one, two]})["size"]
    own: Any = sharing.own["size"]
    shares = sharing.gates["size"](z)
    wanted = shares[:, :1] * one + shares[:, 1:2] * two + shares[:, 2:] * own[0](z)
    assert_close(found, wanted)
    assert sharing.form == Vector(4)


@pytest.mark.parametrize("own", [0, 1])
def test_the_gate_sees_the_gradients_of_separate_passes(
    model: Make, batch: dict[str, Tensor], own: int
) -> None:
    found = model(partial(MMoE, experts=2, own=own, width=5))
    assert_close(gate_gramian(found, batch), separate_gramian(found, batch), atol=1e-14, rtol=1e-10)


@pytest.mark.parametrize("options", [{"experts": 0}, {"experts": -1, "own": 2}, {"width": 0}])
def test_settings_that_cannot_be(options: dict[str, int]) -> None:
    with pytest.raises(InputError, match="a task needs at least one expert"):
        MMoE(Vector(6), TASKS, **options)


def test_maps_are_refused() -> None:
    with pytest.raises(InputError, match="MMoE mixes vectors, but the encoder returns maps"):
        MMoE(Maps((4,), (2,)), TASKS)


def test_it_tells_what_its_gates_took_of_late(model: Make, batch: dict[str, Tensor]) -> None:
    found = model(partial(MMoE, experts=2, own=1, width=5))
    assert found.sharing.mixing() == {}
    gates: Any = found.sharing.gates
    with torch.no_grad():
        gates["size"].weight.zero_()
        gates["size"].bias.copy_(torch.tensor([0.5, 0.3, 0.2]).log())
    found(batch["image"])
    (mixing,) = found.sharing.mixing().values()
    assert mixing.parts == ["expert 1", "expert 2", "own expert 1"]
    assert_close(mixing.shares[1], torch.tensor([0.5, 0.3, 0.2]))
    assert_close(mixing.shares.sum(1), torch.ones(3))
    # What is tried or evaluated leaves no trace.
    gates["size"].bias.data.zero_()
    found.tried(batch)
    found.eval()(batch["image"])
    assert torch.equal(found.sharing.mixing()["experts"].shares, mixing.shares)
    again = model(partial(MMoE, experts=2, own=1, width=5))
    again.load_state_dict(found.state_dict())
    assert torch.equal(again.sharing.mixing()["experts"].shares, mixing.shares)


def test_a_checkpoint_from_before_gates_were_watched_is_taken_up(model: Make) -> None:
    found = model(MMoE)
    state = {key: each for key, each in found.state_dict().items() if ".recent_shares." not in key}
    check_fits(state, found.state_dict())
    found.load_state_dict(state)
    assert found.sharing.mixing() == {}
