"""The encoder that moves a point."""

from __future__ import annotations

import pytest
import torch
from torch.testing import assert_close

from multitask.encoders import Displacement
from multitask.errors import InputError


def test_it_starts_at_the_image_and_moves_all_alike() -> None:
    encoder, image = Displacement(6), torch.rand(4, 1, 2, 3)
    assert torch.equal(encoder(image), image.view(4, 6))
    with torch.no_grad():
        encoder.displacement += torch.arange(6)
    assert_close(encoder(image), image.view(4, 6) + torch.arange(6))


def test_a_step_moves_the_point_against_the_gradient() -> None:
    encoder = Displacement(2)
    optimizer = torch.optim.SGD(encoder.parameters(), lr=0.5)
    encoder(torch.tensor([[[[3.0, -1.0]]]])).square().sum().backward()
    optimizer.step()
    assert_close(encoder(torch.tensor([[[[3.0, -1.0]]]])), torch.zeros(1, 2))


def test_it_refuses_images_of_another_size() -> None:
    with pytest.raises(InputError, match="moves points of 2 numbers.*set out_features to 64"):
        Displacement(2)(torch.rand(1, 1, 8, 8))
