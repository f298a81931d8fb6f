"""The head that returns maps."""

from __future__ import annotations

import pytest
import torch

from multitask.encoders import Maps, TimmMaps, Tokens, Vector
from multitask.errors import InputError
from multitask.heads import DenseHead


@pytest.mark.parametrize("side", [24, 30, 32])
def test_the_map_has_the_images_size(side: int) -> None:
    encoder = TimmMaps("test_resnet", levels=[0, 1, 2], in_channels=1).eval()
    head = DenseHead(encoder.form, 3, width=8)
    assert head(encoder(torch.rand(2, 1, side, side + 2))).shape == (2, 3, side, side + 2)


def test_every_level_counts() -> None:
    form = Maps((2, 4), (2, 4))
    head = DenseHead(form, 1, width=4)
    maps = [torch.rand(1, 2, 6, 6, requires_grad=True), torch.rand(1, 4, 3, 3, requires_grad=True)]
    head(maps).sum().backward()
    assert all(each.grad is not None and each.grad.abs().sum() > 0 for each in maps)


@pytest.mark.parametrize("form", [Vector(5), Tokens(5)])
def test_an_encoder_without_maps_is_refused(form: Vector | Tokens) -> None:
    with pytest.raises(InputError, match="needs maps, but the encoder returns a .*; choose an enc"):
        DenseHead(form, 2)
