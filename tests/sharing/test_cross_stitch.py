"""Cross-stitch networks."""

from __future__ import annotations

from functools import partial
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.testing import assert_close

from multitask.encoders import ConvNet, Vector
from multitask.errors import InputError
from multitask.sharing import CrossStitch

from .conftest import Make, gate_gramian, separate_gramian


def numbers(module: nn.Module) -> int:
    return sum(each.numel() for each in module.parameters())


def test_parameter_counts(model: Make) -> None:
    found = model(CrossStitch)
    stages, tasks = 2, 3
    assert numbers(found.encoder) == tasks * numbers(model().encoder) + (stages - 1) * tasks**2
    assert numbers(found.sharing) == tasks**2
    assert numbers(found.heads) == numbers(model().heads)


def test_columns_begin_with_weights_of_their_own(model: Make) -> None:
    columns: Any = model(CrossStitch).encoder.columns
    first, second = (column.layers[1].weight for column in columns[:2])
    assert first.shape == second.shape
    assert not torch.equal(first, second)


def test_equal_columns_without_mixing_are_hard_sharing(
    model: Make, batch: dict[str, Tensor]
) -> None:
    hard, found = model(), model(partial(CrossStitch, own=1.0))
    columns: Any = found.encoder.columns
    for column in columns:
        column.load_state_dict(hard.encoder.state_dict())
    found.heads.load_state_dict(hard.heads.state_dict())
    losses, _ = found.losses(found(batch["image"]), batch)
    wanted, _ = hard.losses(hard(batch["image"]), batch)
    assert torch.equal(losses, wanted)
    losses.sum().backward()
    wanted.sum().backward()
    sides = zip(*(column.parameters() for column in columns), strict=True)
    for side_by_side, one in zip(sides, hard.encoder.parameters(), strict=True):
        assert_close(sum(each.grad for each in side_by_side), one.grad, atol=1e-13, rtol=1e-10)


def test_the_gate_sees_the_gradients_of_separate_passes(
    model: Make, batch: dict[str, Tensor]
) -> None:
    found = model(CrossStitch)
    assert_close(gate_gramian(found, batch), separate_gramian(found, batch), atol=1e-14, rtol=1e-10)


def test_stages_of_the_convolutional_network_are_the_network() -> None:
    torch.manual_seed(0)
    encoder, image = ConvNet().eval(), torch.rand(2, 1, 24, 24)
    found: Any = image
    for stage in encoder.stages():
        found = stage(found)
    assert len(encoder.stages()) == 4
    assert torch.equal(found, encoder(image))


def test_one_task_is_not_mixed() -> None:
    assert CrossStitch(Vector(2), ["only"]).mixture.tolist() == [[1.0]]


def test_parts_are_mixed_one_by_one_and_places_kept() -> None:
    sharing = CrossStitch(Vector(2), ["a", "b"], own=0.75)
    places = torch.tensor([[True, False]])
    columns = [[torch.ones(1, 2, 3), places], [torch.zeros(1, 2, 3), places]]
    found = sharing({"a": columns, "b": columns})
    assert float(found["a"][0].detach().unique()) == 0.75
    assert float(found["b"][0].detach().unique()) == 0.25
    assert found["a"][1] is places


@pytest.mark.parametrize("own", [-0.1, 1.1])
def test_a_share_is_from_0_to_1(own: float) -> None:
    with pytest.raises(InputError, match="a share is from 0 to 1"):
        CrossStitch(Vector(2), ["a", "b"], own)
