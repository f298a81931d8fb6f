"""Morphometrics: known shapes have known measures."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor

from multitask.data.computed import Morphometrics
from multitask.data.computed.morphometrics import measure
from multitask.data.dataset import InMemory
from multitask.errors import InputError


def bar(width: float, height: float, lean: float = 0.0, size: int = 64) -> Tensor:
    """An upright bar in the middle whose top leans to the right; its edges are smooth."""
    down, right = torch.meshgrid(*[torch.arange(size) - (size - 1) / 2] * 2, indexing="ij")
    across = (right + math.tan(math.radians(lean)) * down) * math.cos(math.radians(lean))
    inside = (width / 2 - across.abs() + 0.5).clamp(0, 1)
    return (inside * (height / 2 - down.abs() + 0.5).clamp(0, 1)).view(1, 1, size, size)


def measured(image: Tensor) -> dict[str, float]:
    return {name: float(value) for name, value in measure(image).items()}


def test_a_long_thin_bar() -> None:
    found = measured(bar(4, 40))
    assert found["area"] == pytest.approx(160, abs=0.1)
    assert found["width"] == 4
    assert found["height"] == 40
    assert found["slant"] == pytest.approx(0, abs=0.01)
    # Its perimeter is 88; four directions are right within 7 %.
    assert found["length"] == pytest.approx(44, rel=0.07)
    assert found["thickness"] == pytest.approx(160 / 44, rel=0.07)
    assert found["length"] * found["thickness"] == pytest.approx(found["area"])


@pytest.mark.parametrize("lean", [-35, -10, 20])
def test_slant_is_the_angle_of_what_leans(lean: float) -> None:
    assert measured(bar(4, 40, lean))["slant"] == pytest.approx(lean, abs=1)


def test_a_disc_has_the_perimeter_of_a_circle() -> None:
    down, right = torch.meshgrid(*[torch.arange(64) - 31.5] * 2, indexing="ij")
    disc = (15.5 - (down.square() + right.square()).sqrt()).clamp(0, 1).view(1, 1, 64, 64)
    found = measured(disc)
    assert found["area"] == pytest.approx(math.pi * 15**2, rel=0.01)
    assert found["length"] == pytest.approx(math.pi * 15, rel=0.03)


def test_the_place_does_not_matter_and_a_dimmer_image_has_less_area() -> None:
    image = torch.zeros(1, 1, 20, 30)
    image[0, 0, 2:8, 20:23] = 1
    moved = image.roll((10, -17), (2, 3))
    here, there, dim = measured(image), measured(moved), measured(image / 4)
    assert here == pytest.approx(there, abs=1e-4)
    assert dim["area"] == pytest.approx(here["area"] / 4)
    for name in ("thickness", "slant", "width", "height"):
        assert dim[name] == pytest.approx(here[name], abs=1e-4)


def test_a_black_image_has_an_area_alone() -> None:
    found = measured(torch.zeros(1, 1, 5, 5))
    assert found.pop("area") == 0
    assert all(math.isnan(value) for value in found.values())


def test_targets_are_added_to_those_that_there_are() -> None:
    images = torch.cat([bar(2, 20), bar(4, 40), torch.zeros(1, 1, 64, 64)]).mul(255).byte()
    before = InMemory(images, {"class": torch.tensor([2, 0, 1])})
    after = Morphometrics()(before, 0, {})
    assert after.targets["class"].tolist() == [2, 0, 1]
    assert after.targets["height"][:2].tolist() == [20, 40]
    assert after.targets["area"].tolist() == pytest.approx([40, 160, 0], rel=0.02)
    assert list(before.targets) == ["class"]
    rows = torch.tensor([2, 0])
    assert torch.equal(after.images(rows), images[rows])


def test_what_cannot_be_measured_is_refused() -> None:
    with pytest.raises(InputError, match=r"grey images.* 3 channels"):
        Morphometrics()(InMemory(torch.zeros(2, 3, 8, 8), {}), 0, {})
    with pytest.raises(InputError, match="dark background.* 100 %"):
        Morphometrics()(InMemory(torch.full((2, 1, 8, 8), 255, dtype=torch.uint8), {}), 0, {})
    with pytest.raises(InputError, match="'area'; compute it once"):
        Morphometrics()(InMemory(torch.zeros(2, 1, 8, 8), {"area": torch.ones(2)}), 0, {})
