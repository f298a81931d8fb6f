"""The convolutional network and the perceptron."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
import torch

from multitask.encoders import MLP, ConvNet
from multitask.errors import InputError


@pytest.mark.parametrize("size", [(8, 8), (24, 24), (33, 33), (17, 40), (7, 100)])
@pytest.mark.parametrize(
    ("in_channels", "channels", "grid"), [(1, (8, 16, 32), 3), (3, (4,), 1), (4, (2, 3), 5)]
)
def test_convnet_takes_images_of_any_size(
    size: tuple[int, int], in_channels: int, channels: Sequence[int], grid: int
) -> None:
    encoder = ConvNet(in_channels, channels, grid, out_features=10)
    representation = encoder(torch.rand(2, in_channels, *size))
    assert representation.shape == (2, encoder.out_features) == (2, 10)


def test_convnet_needs_no_resampling_of_posed_digits() -> None:
    encoder = ConvNet()
    assert encoder.convolutions[:-1](torch.rand(2, 1, 24, 24)).shape == (2, 32, 3, 3)
    assert sum(parameter.numel() for parameter in encoder.parameters()) == 24_632


def test_convnet_depends_on_every_part_of_the_image() -> None:
    torch.manual_seed(0)
    image = torch.rand(4, 2, 24, 24, requires_grad=True)
    ConvNet(in_channels=2)(image).square().sum().backward()
    assert image.grad is not None
    assert (image.grad.abs().sum((0, 2, 3)) > 0).all()
    assert (image.grad.abs().sum((0, 1)) > 0).float().mean() > 0.9


def test_embedding_is_normalised_over_the_batch() -> None:
    encoder = ConvNet()
    images = torch.rand(64, 1, 24, 24)
    torch.testing.assert_close(encoder(100 * images), encoder(images), atol=0.05, rtol=0.05)


def test_convnet_without_convolutions_is_refused() -> None:
    with pytest.raises(InputError, match="channels is empty"):
        ConvNet(channels=[])


@pytest.mark.parametrize("hidden", [[], [5], [7, 3]])
def test_mlp_takes_the_flattened_image(hidden: list[int]) -> None:
    encoder = MLP(2 * 3 * 5, hidden, out_features=4)
    assert encoder(torch.rand(6, 2, 3, 5)).shape == (6, encoder.out_features) == (6, 4)


def test_mlp_refuses_images_of_another_size() -> None:
    with pytest.raises(
        InputError, match="expects images of 64 values, but the data's have shape 1x24x24"
    ) as error:
        MLP(64)(torch.rand(2, 1, 24, 24))
    assert str(error.value).endswith("set in_features to 576")


@pytest.mark.parametrize("encoder", [MLP(64), ConvNet()], ids=["MLP", "ConvNet"])
def test_empty_share_of_a_batch_gives_an_empty_representation(encoder: MLP | ConvNet) -> None:
    assert encoder.eval()(torch.rand(0, 1, 8, 8)).shape == (0, 64)
