"""Boxes and points on the images of samples."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from multitask.figures.marked import with_marks
from multitask.tasks import Box, Classification, Keypoints, Task
from multitask.tasks.marks import LEAST_SIDE, PREDICTION, TARGET

TASKS: dict[str, Task] = {"box": Box(), "at": Keypoints(2), "kind": Classification(3)}
NAN = float("nan")


def where(picture: Tensor, colour: tuple[int, int, int]) -> Tensor:
    """Rows and columns of the pixels of a colour."""
    return ((255 * picture).round() == torch.tensor(colour)).all(2).nonzero()


def shown(picture: Tensor | str, with_predictions: bool = True) -> list[dict]:
    targets = {
        "box": torch.tensor([[8.0, 4, 24, 12], [NAN] * 4]),
        "at": torch.tensor([[5.0, 20, NAN, 3]] * 2),
        "kind": torch.tensor([1, 2]),
    }
    predictions = {
        "box": torch.tensor([[2.0, 2, 30, 30]] * 2),
        "at": torch.tensor([[25.0, 10, 1e30, 5]] * 2),
        "kind": torch.rand(2, 3),
    }
    samples = [{"image": picture}, {"image": picture}]
    return with_marks(samples, TASKS, targets, predictions if with_predictions else None)


@pytest.mark.parametrize("shape", [(32, 48), (32, 48, 3), (32, 48, 4)])
def test_targets_and_predictions_are_drawn_where_they_are(shape: tuple[int, ...]) -> None:
    first, second = shown(torch.full(shape, 0.5))
    ways = ["box, target green, predicted orange", "at, target green, predicted orange"]
    assert list(first) == ["image", *ways]
    assert first["image"].shape == shape
    box, at = (first[name] for name in ways)
    scale = LEAST_SIDE // 32
    assert box.shape == (32 * scale, 48 * scale, 3)
    for colour, (left, top, right, bottom) in (
        (TARGET, (8, 4, 24, 12)),
        (PREDICTION, (2, 2, 30, 30)),
    ):
        places = where(box, colour)
        ends = torch.cat([places.amin(0).flip(0), places.amax(0).flip(0)]).float() / scale
        expected = torch.tensor([left, top, right, bottom]).float()
        assert (ends - expected).abs().max() < 0.4
    ring, cross = (
        where(at, colour).float().mean(0).flip(0) / scale for colour in (TARGET, PREDICTION)
    )
    assert (ring - torch.tensor([5.0, 20])).abs().max() < 0.4
    assert (cross - torch.tensor([25.0, 10])).abs().max() < 0.4
    # A target that is missing leaves the prediction alone.
    assert len(where(second[ways[0]], TARGET)) == 0 < len(where(second[ways[0]], PREDICTION))


def test_without_predictions_there_are_targets_alone() -> None:
    (first, _) = shown(torch.zeros(32, 48), with_predictions=False)
    assert list(first) == ["image", "box, target green", "at, target green"]
    assert len(where(first["box, target green"], PREDICTION)) == 0


def test_what_has_no_image_stays_as_it_is() -> None:
    assert shown("a text") == [{"image": "a text"}] * 2
