"""Cross-stitch networks."""

from __future__ import annotations

from functools import partial
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.testing import assert_close

from multitask import MultiTask
from multitask.balancing import GradientBalancer
from multitask.balancing.level import LevelName
from multitask.balancing.weightings import MGDA
from multitask.encoders import MLP, ConvNet, TimmMaps, Vector
from multitask.errors import InputError
from multitask.sharing import CrossStitch
from multitask.tasks import Classification, Segmentation

from .conftest import Make, assert_same_losses, gate_gramian, separate_gramian


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
    first, second, _ = (column.layers[1].weight for column in columns.values())
    assert first.shape == second.shape
    assert not torch.equal(first, second)


def test_equal_columns_without_mixing_are_hard_sharing(
    model: Make, batch: dict[str, Tensor]
) -> None:
    hard, found = model(), model(partial(CrossStitch, own=1.0))
    trunk: Any = found.encoder
    columns = trunk.columns.values()
    for column in columns:
        column.load_state_dict(hard.encoder.state_dict())
    assert_same_losses(found, hard, batch)
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
    with pytest.raises(InputError, match="a share must be from 0 to 1"):
        CrossStitch(Vector(2), ["a", "b"], own)


class Given(MLP):
    """Takes a network."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__(12, hidden=[], out_features=6)
        self.network = network


def test_a_network_that_was_given_cannot_be_built_again() -> None:
    sharing = CrossStitch(Vector(6), ["a", "b"])
    with pytest.raises(InputError, match="Given was given a network, which the other tasks'"):
        sharing.trunk(Given(nn.Linear(2, 2)))


def test_frozen_parameters_are_frozen_in_all_columns() -> None:
    encoder = MLP(12, hidden=[], out_features=6)
    encoder.layers[1].requires_grad_(False)
    trunk = CrossStitch(Vector(6), ["a", "b"]).trunk(encoder)
    frozen = [name for name, each in trunk.named_parameters() if not each.requires_grad]
    assert frozen == ["columns.0.layers.1.weight", "columns.1.layers.1.weight"]


def test_the_encoder_still_checks_its_input() -> None:
    trunk = CrossStitch(Vector(6), ["a", "b"]).trunk(MLP(12, out_features=6))
    with pytest.raises(InputError, match="set in_features to 25"):
        trunk(torch.rand(2, 1, 5, 5))


@pytest.mark.parametrize("level", ["representation", "shared"])
def test_maps_are_mixed_and_balanced(level: LevelName) -> None:
    torch.manual_seed(0)
    tasks = {"kind": Classification(3), "mask": Segmentation(2)}
    balancer = GradientBalancer(MGDA(), level)
    encoder = TimmMaps("test_resnet", levels=[0, 1], in_channels=1)
    found = MultiTask(encoder, tasks, balancer, sharing=CrossStitch)
    seen: list[Tensor] = []
    found.views.watchers.append(lambda gradients: seen.append(gradients.gramian()))
    batch = {
        "image": torch.rand(4, 1, 16, 16),
        "kind": torch.tensor([0, 1, 2, -100]),
        "mask": torch.randint(2, (4, 16, 16)),
    }
    losses, totals = found.losses(found(batch["image"]), batch)
    found.balancer(losses, totals[1] > 0).backward()
    found.balancer.after_backward()
    assert seen[0].diagonal().min() > 0
    assert all(each.grad is not None for each in found.encoder.parameters())
