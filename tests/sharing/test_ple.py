"""PLE: experts in levels."""

from __future__ import annotations

from functools import partial
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.testing import assert_close

from multitask.encoders import Tokens, Vector
from multitask.errors import InputError
from multitask.sharing import PLE
from multitask.training.model_size import parameter_counts

from .conftest import Make, Same, assert_hard_sharing, gate_gramian, separate_gramian

TASKS = ["kind", "size", "place"]


def numbers(module: nn.Module) -> int:
    return sum(each.numel() for each in module.parameters())


@pytest.mark.parametrize("levels", [2, 3])
def test_parameter_counts(model: Make, levels: int) -> None:
    found = model(partial(PLE, experts=2, own=1, width=5, levels=levels))
    tasks, features, width = 3, 6, 5

    def level(size: int) -> int:
        return (2 + tasks) * (size + 1) * width + (tasks * 3 + 5) * (size + 1)

    below = sum(level(size) for size in (features, width)[: levels - 1])
    shared = 2 * (width + 1) * width
    assert numbers(found.encoder) == numbers(model().encoder) + below + shared
    assert numbers(found.sharing) == tasks * ((width + 1) * width + 3 * (width + 1))
    assert found.heads["place"].in_features == width


@pytest.mark.parametrize(("own", "levels", "unmixed"), [(1, 3, 1), (0, 3, 2)])
def test_gates_that_reach_one_task_alone_are_its_own(
    model: Make, own: int, levels: int, unmixed: int
) -> None:
    found = model(partial(PLE, experts=2, own=own, width=5, levels=levels))
    sizes = [6, 5][-unmixed:]
    gates = sum(3 * (2 + own) * (size + 1) for size in sizes)
    assert parameter_counts(found)["own_parameters"] == numbers(found.sharing) + gates


@pytest.mark.parametrize("levels", [2, 3])
def test_one_expert_that_is_the_identity_is_hard_sharing(
    model: Make, batch: dict[str, Tensor], levels: int
) -> None:
    scheme = partial(PLE, experts=1, own=0, width=6, levels=levels, expert=Same)
    assert_hard_sharing(model(scheme), model(), batch)


def test_two_levels_are_what_the_paper_has(model: Make, batch: dict[str, Tensor]) -> None:
    found = model(partial(PLE, experts=1, own=1, width=5))
    trunk: Any = found.encoder
    (level,), sharing = trunk.levels, found.sharing
    z = trunk.encoder(batch["image"])

    def mix(gate: Any, read: Tensor, *outputs: Tensor) -> Tensor:
        shares = nn.functional.linear(read, gate.weight, gate.bias).softmax(1)
        return sum(shares[:, [place]] * each for place, each in enumerate(outputs))  # type: ignore[return-value]

    common, own = level.experts[0](z), {task: level.own[task][0](z) for task in TASKS}
    everything = trunk.experts[0](mix(level.shared_gate, z, common, *own.values()))
    representation = found.encoder(batch["image"])
    features: Any = sharing(dict.fromkeys(TASKS, representation))
    for task in TASKS:
        x = mix(level.gates[task], z, common, own[task])
        mine: Any = sharing.own[task]  # type: ignore[index]
        assert_close(
            features[task],
            mix(sharing.gates[task], x, everything, mine[0](x)),  # type: ignore[index]
        )


@pytest.mark.parametrize(("own", "levels"), [(1, 2), (0, 2), (2, 3)])
def test_the_gate_sees_the_gradients_of_separate_passes(
    model: Make, batch: dict[str, Tensor], own: int, levels: int
) -> None:
    found = model(partial(PLE, own=own, width=5, levels=levels))
    assert_close(gate_gramian(found, batch), separate_gramian(found, batch), atol=1e-14, rtol=1e-10)
    assert all(each.grad is not None for each in found.parameters())


def test_a_task_reaches_the_first_levels_experts_of_others_alone(
    model: Make, batch: dict[str, Tensor]
) -> None:
    found = model(partial(PLE, width=5))
    found(batch["image"])["kind"].sum().backward()
    below: Any = found.encoder
    last: Any = found.sharing
    assert below.levels[0].own["size"][0][0].weight.grad.abs().max() > 0
    assert last.own["size"][0][0].weight.grad is None
    # Its input of the last level is its own alone, and DDP waits for every gradient.
    assert below.levels[0].gates["size"].weight.grad.count_nonzero() == 0


def test_it_tells_the_shares_of_each_level(model: Make, batch: dict[str, Tensor]) -> None:
    found = model(partial(PLE, width=5, levels=3))
    assert found.sharing.mixing() == {}
    found(batch["image"])
    mixing = found.sharing.mixing()
    assert list(mixing) == ["level 1", "level 2", "level 3"]
    for each in mixing.values():
        assert each.parts == ["expert 1", "expert 2", "own expert 1"]
        assert_close(each.shares.sum(1), torch.ones(3))


@pytest.mark.parametrize("options", [{"experts": 0}, {"own": -1}, {"width": 0}])
def test_settings_that_cannot_be(options: dict[str, int]) -> None:
    with pytest.raises(InputError, match="PLE needs at least one shared expert"):
        PLE(Vector(6), TASKS, **options)


def test_one_level_is_another_scheme() -> None:
    with pytest.raises(InputError, match="levels is 1; PLE needs at least 2, and one level is"):
        PLE(Vector(6), TASKS, levels=1)


def test_tokens_are_refused() -> None:
    with pytest.raises(InputError, match="PLE mixes vectors, but the encoder returns tokens"):
        PLE(Tokens(4), TASKS)
