"""MTAN: masks over shared maps."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn.functional import adaptive_max_pool2d
from torch.testing import assert_close

from multitask.encoders import Maps, Vector
from multitask.errors import InputError
from multitask.sharing import MTAN
from multitask.sharing.mtan import Mask, pooled

from .conftest import Make, assert_hard_sharing, gate_gramian, separate_gramian


def test_parameter_counts() -> None:
    sharing = MTAN(Maps((4, 40), (1, 2)), ["a", "b"])
    masks = 0
    for finer, channels, within in ((0, 4, 8), (4, 40, 10)):
        masks += (finer + channels) * within + 2 * within + within * channels + channels
    assert sum(each.numel() for each in sharing.parameters()) == 2 * masks


def test_open_masks_are_hard_sharing(map_model: Make, map_batch: dict[str, Tensor]) -> None:
    found = map_model(MTAN)
    for mask in found.sharing.modules():
        if isinstance(mask, Mask):
            last: Any = mask.layers[-1]
            nn.init.zeros_(last.weight)
            # Of which the sigmoid is 1 to the bit.
            nn.init.constant_(last.bias, 50)
    assert_hard_sharing(found, map_model(), map_batch)
    mixing = found.sharing.mixing()["maps"]
    assert mixing.parts == ["map 1", "map 2"]
    assert mixing.shares.tolist() == [[1, 1]] * 3


def test_a_mask_reads_its_map_and_what_was_seen_of_the_finer_one() -> None:
    torch.manual_seed(0)
    sharing = MTAN(Maps((4, 6), (1, 2)), ["a", "b"]).eval()
    fine, coarse = torch.randn(2, 4, 6, 8), torch.randn(2, 6, 3, 4)
    first, second = sharing({"b": [fine, coarse]})["b"]
    masks: Any = sharing.masks["b"]
    assert_close(first, masks[0].layers(fine).sigmoid() * fine)
    read = torch.cat([coarse, adaptive_max_pool2d(first, (3, 4))], 1)
    assert_close(second, masks[1].layers(read).sigmoid() * coarse)


@pytest.mark.parametrize("after", range(1, 13))
@pytest.mark.parametrize("before", [12, 13, 25])
def test_windows_cover_a_map_of_any_size(before: int, after: int) -> None:
    values = torch.arange(before * 12.0).view(1, 1, before, 12)
    found = pooled(values, (after, 12))
    assert found.shape == (1, 1, after, 12)
    # The largest value is the last one of each window.
    ends = found[0, 0, :, 0].div(12).int().add(1).tolist()
    assert ends == sorted(set(ends))
    assert ends[-1] == before
    usual = {13: [2, 4, 6], 12: [3, 5, 7]}
    if before == 25 and after in usual:
        assert ends[:3] == usual[after]


def test_the_gate_sees_the_gradients_of_separate_passes(
    map_model: Make, map_batch: dict[str, Tensor]
) -> None:
    found = map_model(MTAN)
    gramian = gate_gramian(found, map_batch)
    assert_close(gramian, separate_gramian(found, map_batch), atol=1e-14, rtol=1e-10)
    assert all(each.grad is not None for each in found.parameters())


def test_a_vector_is_refused() -> None:
    with pytest.raises(InputError, match="MTAN masks maps, but the encoder's form is Vector"):
        MTAN(Vector(4), ["a"])


def test_a_reduction_below_1_is_refused() -> None:
    with pytest.raises(InputError, match="reduction is 0; give at least 1"):
        MTAN(Maps((4,), (1,)), ["a"], reduction=0)


def test_a_coarser_map_first_is_refused() -> None:
    sharing = MTAN(Maps((4, 4), (2, 1)), ["a"])
    with pytest.raises(InputError, match="a map of 8x8 follows one of 4x4"):
        sharing({"a": [torch.rand(2, 4, 4, 4), torch.rand(2, 4, 8, 8)]})
