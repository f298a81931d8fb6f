"""timm's models as encoders of maps."""

from __future__ import annotations

import pytest
import torch

from multitask.encoders import TimmMaps
from multitask.errors import InputError


@pytest.mark.parametrize(
    ("name", "levels", "side"),
    [("test_resnet", None, 64), ("test_resnet", [1, 3], 64), ("test_vit", None, 160)],
)
def test_the_form_says_what_is_returned(name: str, levels: list[int] | None, side: int) -> None:
    encoder = TimmMaps(name, levels).eval()
    maps = encoder(torch.rand(1, 3, side, side))
    assert encoder.form.misfit(maps) is None
    assert [side // each.shape[2] for each in maps] == list(encoder.form.strides)
    if levels:
        assert len(maps) == len(levels)


def test_maps_with_channels_last_are_turned() -> None:
    class Last(torch.nn.Module):
        def forward(self, image: torch.Tensor) -> list[torch.Tensor]:
            return [torch.rand(1, 8, 4, 3)]

    encoder = TimmMaps("test_resnet")
    encoder.network, encoder.channels_last = Last(), True
    assert encoder(torch.rand(1, 3, 8, 4))[0].shape == (1, 3, 8, 4)


@pytest.mark.parametrize("levels", [[], [1, 1], [2, 1], [-1]])
def test_levels_that_cannot_be(levels: list[int]) -> None:
    with pytest.raises(InputError, match="list different levels in increasing order"):
        TimmMaps("test_resnet", levels)


def test_a_level_that_the_model_does_not_have() -> None:
    with pytest.raises(InputError, match=r"'test_resnet' has no maps at the levels \[9\]"):
        TimmMaps("test_resnet", [9])


def test_a_model_that_does_not_exist() -> None:
    with pytest.raises(InputError, match="timm has no model 'resnet81'; did you mean"):
        TimmMaps("resnet81")
