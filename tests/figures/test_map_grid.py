"""Grids of images, targets, predictions and errors."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest
import torch
from matplotlib.colors import rgb_to_hsv
from torch import Tensor
from torch.nn.functional import normalize
from torch.testing import assert_close

from multitask.data.faces import MISSING_COLOUR
from multitask.figures.map_grid import MOST_SAMPLES, draw_maps
from multitask.tasks import (
    DenseRegression,
    Depth,
    Edges,
    Normals,
    Reconstruction,
    Segmentation,
    Task,
)

NAN = float("nan")


def random(*shape: int) -> Tensor:
    return torch.rand(8, *shape, generator=torch.Generator().manual_seed(0))


def missing(values: Tensor, mark: float = NAN) -> Tensor:
    values[:, ..., 2, 3] = mark
    return values


CASES: dict[str, tuple[Task, Tensor, Tensor, Tensor, int]] = {
    # Task, prediction, target, the error at the first pixel of the first sample, colour bars.
    "classes": (
        Segmentation(3),
        random(3, 6, 8).softmax(1),
        missing((3 * random(6, 8)).long(), -100),
        1 - random(3, 6, 8).softmax(1)[0, int(3 * random(6, 8)[0, 0, 0]), 0, 0],
        1,
    ),
    "depth": (
        Depth(),
        1 + random(1, 6, 8),
        missing(3 * random(6, 8)),
        (1 + random(1, 6, 8)[0, 0, 0, 0] - 3 * random(6, 8)[0, 0, 0]).abs(),
        2,
    ),
    "numbers": (
        DenseRegression(2),
        random(2, 6, 8),
        missing(-random(2, 6, 8)),
        (2 * random(2, 6, 8))[0, :, 0, 0].mean(),
        2,
    ),
    "normals": (
        Normals(),
        torch.eye(3)[0].view(1, 3, 1, 1).expand(8, 3, 6, 8),
        missing(torch.eye(3)[2].view(1, 3, 1, 1).repeat(8, 1, 6, 8)),
        torch.tensor(90.0),
        1,
    ),
    "edges": (
        Edges(),
        random(6, 8),
        missing(torch.ones(8, 6, 8).long(), -100),
        1 - random(6, 8)[0, 0, 0],
        2,
    ),
    "colours": (
        Reconstruction(),
        random(3, 6, 8),
        missing(torch.zeros(8, 3, 6, 8)),
        random(3, 6, 8)[0, :, 0, 0].mean(),
        1,
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_a_row_has_image_target_prediction_and_error(name: str) -> None:
    task, prediction, target, first, bars = CASES[name]
    shown = task.shown_maps(prediction, target)
    assert shown is not None
    assert_close(shown.error[0, 0, 0], first, check_dtype=False)
    assert shown.error[:, 2, 3].isnan().all()
    figure = draw_maps("a task", list(random(6, 8)), shown)
    pictures = [np.asarray(each.get_array()) for each in figure.axes[0].images]
    assert len(pictures) == 4 * MOST_SAMPLES
    # By columns: the image has no missing pixels, nor has the prediction.
    of_missing = [picture[2, 3] for picture in pictures[::MOST_SAMPLES]]
    is_pink = [
        np.ndim(each) == 1 and np.allclose(each[:3], MISSING_COLOUR, atol=1e-3)
        for each in of_missing
    ]
    assert is_pink == [False, True, False, True]
    assert len(figure.axes) == 1 + bars


def test_few_classes_have_distinct_colours_and_missing_pixels_a_name() -> None:
    _, prediction, target, *_ = CASES["classes"]
    shown = Segmentation(3).shown_maps(prediction, target)
    assert shown is not None
    legend = draw_maps("classes", list(random(6, 8)), shown).axes[0].get_legend()
    assert legend is not None
    patches = {
        text.get_text(): patch.get_facecolor()
        for text, patch in zip(legend.get_texts(), legend.get_patches(), strict=True)
    }
    assert list(patches) == ["0", "1", "2", "missing"]
    assert np.allclose(patches["missing"][:3], MISSING_COLOUR)
    # Light and dark of one colour have one hue.
    hues = [rgb_to_hsv(each[:3])[0] for each in patches.values()][:3]
    assert min(abs(a - b) for a, b in combinations(hues, 2)) > 0.1


def test_normals_turn_into_colours() -> None:
    towards = normalize(torch.tensor([0.0, 0.0, 2.0]), dim=0).view(1, 3, 1, 1)
    shown = Normals().shown_maps(towards, towards)
    assert_close(shown.target.flatten(), torch.tensor([0.5, 0.5, 1.0]))


def test_a_sample_may_have_no_image_and_no_known_pixel() -> None:
    prediction, target = random(1, 6, 8), torch.full((8, 6, 8), NAN)
    shown = Depth().shown_maps(prediction, target)
    figure = draw_maps("depth", [None] * 8, shown)
    assert len(figure.axes[0].images) == 3 * MOST_SAMPLES
    figure.canvas.draw_idle()
