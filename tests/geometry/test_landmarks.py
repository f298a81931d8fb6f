"""Landmarks: left and right change places in a mirror image, and only there."""

from __future__ import annotations

import pytest
import torch

from multitask.errors import InputError
from multitask.geometry import Landmarks

SIZE = torch.tensor([[4.0, 10.0]] * 2)
MATRICES = torch.tensor([[[-1.0, 0, 10], [0, 1, 0]], [[1, 0, 2], [0, 1, 0]]])
"""A mirror image, and one that is moved by 2 pixels to the right."""


def test_points_move_and_change_places_in_a_mirror_image_alone() -> None:
    points = torch.tensor([[2.0, 1, 7, torch.nan, 4, 3]] * 2)
    mirrored, moved = Landmarks([1, 0, 2]).follow(points, MATRICES, SIZE, SIZE)
    assert moved.nan_to_num(-1).tolist() == [4, 1, 9, -1, 6, 3]
    assert mirrored.nan_to_num(-1).tolist() == [3, -1, 8, 1, 6, 3]


def test_what_cannot_be_is_refused() -> None:
    with pytest.raises(InputError, match=r"mirrored is \[0, 0\]"):
        Landmarks([0, 0])
    with pytest.raises(InputError, match="for 2 points, but a target has 3"):
        Landmarks([1, 0]).follow(torch.zeros(2, 6), MATRICES, SIZE, SIZE)
