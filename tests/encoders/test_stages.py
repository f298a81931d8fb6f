"""Stages of timm's networks: what runs one after the other, and what does not."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn.functional import dropout, pad

from multitask.encoders import MLP, ConvNet, Encoder, Timm, TimmMaps
from multitask.encoders.chain import chain
from multitask.encoders.stages import Unfinished


def outputs(encoder: Encoder, image: Tensor, by_stages: bool) -> list[Tensor]:
    torch.manual_seed(0)
    found: Any = image
    for part in encoder.stages() if by_stages else [encoder]:
        found = part(found)
    return [found] if isinstance(found, Tensor) else list(found)


@pytest.mark.parametrize(
    ("name", "features"),
    [
        ("test_resnet", [32, 32, 48, 192]),
        ("test_efficientnet", [16, 24, 32, 48]),
        ("test_vit", [64, 64, 64, 64, 64]),
        # Its maps are [batch, height, width, channels].
        ("test_mambaout", [16, 32, 48]),
    ],
)
def test_stages_of_a_network_are_the_network(name: str, features: list[int]) -> None:
    encoder = Timm(name, in_channels=1, options={"drop_rate": 0.3})
    before, depths = set(encoder.state_dict()), encoder.depths()
    image = torch.rand(2, 1, 160, 160)
    for training in (True, False):
        encoder.train(training)
        one, two = (outputs(encoder, image, by_stages) for by_stages in (False, True))
        assert torch.equal(one[0], two[0])
    value: Any = image
    for stage, size in zip(encoder.stages(), encoder.stage_features(), strict=False):
        value = stage(value)
        assert value.shape[2 if value.ndim == 3 else 1] == size
    assert len(encoder.stages()) == len(features) + 1
    assert encoder.stage_features() == features
    assert set(encoder.state_dict()) == before
    assert encoder.depths() == depths


@pytest.mark.parametrize("levels", [None, [1, 3], [2]])
def test_stages_of_maps_are_the_maps(levels: list[int] | None) -> None:
    encoder = TimmMaps("test_resnet", levels=levels, in_channels=1).eval()
    image = torch.rand(2, 1, 40, 56)
    one, two = (outputs(encoder, image, by_stages) for by_stages in (False, True))
    assert [each.shape for each in one] == [each.shape for each in two]
    assert all(map(torch.equal, one, two))
    first, *_ = encoder.stages()
    assert isinstance(first(image), Unfinished)
    assert encoder.stage_features()[:2] == [32, 32]


def test_a_network_that_is_no_chain_is_one_stage() -> None:
    # Its maps are made of tokens outside of its modules.
    encoder = TimmMaps("test_vit")
    assert encoder.stages() == [encoder]
    assert encoder.stage_features() == []


def test_encoders_of_the_package_tell_the_features_of_their_stages() -> None:
    assert ConvNet(channels=[4, 6]).stage_features() == [4, 6]
    assert len(ConvNet(channels=[4, 6]).stages()) == 3
    assert MLP(4, hidden=[5, 3]).stage_features() == [5, 3]


class Small(nn.Module):
    """Two convolutions, and something else between them."""

    def __init__(self, between: Callable[[Small, Tensor], Tensor]) -> None:
        super().__init__()
        self.first, self.last = nn.Conv2d(1, 2, 1), nn.Conv2d(2, 3, 1)
        self.between = between

    def middle(self, values: Tensor) -> Tensor:
        return values * 2

    def forward(self, image: Tensor) -> Tensor:
        return self.last(self.between(self, self.first(image)))


@pytest.mark.parametrize(
    ("between", "is_chain"),
    [
        (lambda _, x: x, True),
        (lambda network, x: network.middle(x), True),
        (lambda _, x: x + 1, False),
        (lambda _, x: x.mul_(2), False),
        (lambda network, x: dropout(x, training=network.training), False),
        (lambda network, x: x if network.training else x + 1, False),
        (lambda _, x: pad(x, (0, 1)) if x.shape[3] % 2 else x, False),
        (lambda _, x: x[:1].item(), False),
    ],
)
def test_what_is_done_between_modules_makes_it_no_chain(
    between: Callable[[Small, Tensor], Tensor], is_chain: bool
) -> None:
    network = Small(between)
    found = [each.name for each in chain(network, (1, 8, 8), {"first", "last"})]
    assert bool(found) == is_chain
    if is_chain:
        assert (found[0], found[-1]) == ("first", "last")
    assert not network.first.weight.is_meta
