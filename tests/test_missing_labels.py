"""What a missing target looks like, for each type of target."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from multitask.missing_labels import (
    NO_TOKEN,
    joined_rows,
    known,
    known_samples,
    missing_like,
    unpacked,
)

NAN = float("nan")


@pytest.mark.parametrize(
    ("targets", "mask"),
    [
        (torch.tensor([1.0, NAN, torch.inf]), [True, False, False]),
        (torch.tensor([3, -100, 0, -1]), [True, False, True, True]),
        (torch.tensor([3, 255, 0], dtype=torch.uint8), [True, False, True]),
        (torch.tensor([True, False]), [True, True]),
    ],
)
def test_known_entries(targets: Tensor, mask: list[bool]) -> None:
    assert known(targets).tolist() == mask


def test_a_sample_with_one_known_pixel_is_known() -> None:
    maps = torch.full((2, 3, 4), -100)
    maps[1, 2, 0] = 0
    assert known_samples(maps).tolist() == [False, True]
    assert known_samples(torch.tensor([NAN, 0.5])).tolist() == [False, True]


@pytest.mark.parametrize("dtype", [torch.float32, torch.float16, torch.int64, torch.uint8])
def test_missing_targets_are_not_known(dtype: torch.dtype) -> None:
    missing = missing_like(torch.zeros(2, 3, dtype=dtype), (4, 5))
    assert missing.shape == (4, 5)
    assert missing.dtype == dtype
    assert not known(missing).any()


def test_a_type_without_a_mark_cannot_be_missing() -> None:
    with pytest.raises(ValueError, match=r"torch\.bool cannot be marked"):
        missing_like(torch.zeros(2, dtype=torch.bool))


def test_bytes_become_class_numbers() -> None:
    found = unpacked(torch.tensor([[0, 254], [255, 7]], dtype=torch.uint8))
    assert found.dtype == torch.int64
    assert found.tolist() == [[0, 254], [-100, 7]]
    numbers = torch.tensor([255])
    assert unpacked(numbers) is numbers


def test_batches_whose_texts_end_at_different_places_are_joined() -> None:
    for dtype, mark in ((torch.int32, -1), (torch.int64, -100), (torch.float32, NO_TOKEN)):
        parts = torch.ones(2, 3, dtype=dtype), torch.ones(1, 5, dtype=dtype)
        found = joined_rows(parts)
        assert (found.dtype, found.shape) == (dtype, (3, 5))
        assert found[:2, 3:].tolist() == [[mark] * 2] * 2
        assert (found[:2, :3] == 1).all()
        assert (found[2] == 1).all()
    same = torch.rand(2, 3), torch.rand(4, 3)
    assert torch.equal(joined_rows(same), torch.cat(same))
