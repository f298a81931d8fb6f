"""Several boxes follow their image."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor
from torch.testing import assert_close

from multitask.errors import InputError
from multitask.geometry import BoxLists

NOTHING = [-1.0, 0, 0, 0, 0]


def moved(rows: list[list[float]], right: float, visible: float = 0.25) -> Tensor:
    matrix = torch.tensor([[[1.0, 0, right], [0, 1, 0]]])
    size = torch.tensor([[40.0, 60.0]])
    return BoxLists(visible).follow(torch.tensor([rows]), matrix, size, size)[0]


def test_boxes_are_clipped_and_dropped_when_little_is_left() -> None:
    rows = [[2.0, 10, 5, 20, 15], NOTHING, [0, 40, 0, 60, 40]]
    assert_close(moved(rows, 4)[0], torch.tensor([2.0, 14, 5, 24, 15]))
    assert_close(moved(rows, 4)[1], torch.tensor(NOTHING))
    assert_close(moved(rows, 14)[2], torch.tensor([0.0, 54, 0, 60, 40]))
    assert_close(moved(rows, 16)[2], torch.tensor(NOTHING))
    assert_close(moved(rows, 16, visible=0)[2], torch.tensor([0.0, 56, 0, 60, 40]))
    assert_close(moved(rows, 20, visible=0)[2], torch.tensor(NOTHING))
    assert_close(moved(rows, -14)[0], torch.tensor([2.0, 0, 5, 6, 15]))
    assert_close(moved(rows, -18)[0], torch.tensor(NOTHING))
    # What does not move stays even if all of it must be visible.
    assert_close(moved(rows, 0, visible=1), torch.tensor(rows))


def test_a_mirror_image() -> None:
    matrix = torch.tensor([[[-1.0, 0, 60], [0, 1, 0]]])
    size = torch.tensor([[40.0, 60.0]])
    found = BoxLists().follow(torch.tensor([[[1.0, 10, 5, 20, 15]]]), matrix, size, size)
    assert_close(found, torch.tensor([[[1.0, 40, 5, 50, 15]]]))


def test_what_is_unlabelled_stays_so() -> None:
    assert moved([[float("nan")] * 5] * 2, 5).isnan().all()


def test_other_targets_and_settings_are_refused() -> None:
    with pytest.raises(InputError, match="BoxLists have shape"):
        BoxLists().follow(torch.zeros(2, 4), torch.zeros(2, 2, 3), *[torch.ones(2, 2)] * 2)
    with pytest.raises(InputError, match="visible is 2; give a share"):
        BoxLists(2)
