"""How targets follow: against the image's own corners and directions, and what is missing."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor

from multitask.augmentation import RandomAffine
from multitask.errors import InputError
from multitask.geometry import (
    Angle,
    Boxes,
    Geometry,
    Length,
    Positions,
    Thumbnail,
    Unchanged,
)

NAN = float("nan")
HEIGHT, WIDTH = 20, 30
SHIFT = [[1.0, 0, 3], [0, 1, -2]]
MIRROR = [[-1.0, 0, WIDTH], [0, 1, 0]]
UPSIDE_DOWN = [[1.0, 0, 0], [0, -1, HEIGHT]]
TWICE = [[2.0, 0, 0], [0, 2, 0]]
# A quarter turn clockwise: up goes right, right goes down.
QUARTER = [[0.0, -1, HEIGHT], [1, 0, 0]]


def followed(
    geometry: Geometry, target: list, matrix: list, after: tuple[int, int] = (HEIGHT, WIDTH)
) -> list:
    values = torch.tensor(target)
    before, last = (
        torch.tensor(size).expand(len(values), 2).float() for size in ((HEIGHT, WIDTH), after)
    )
    found = geometry.follow(values, torch.tensor(matrix).expand(len(values), 2, 3), before, last)
    assert found.dtype == values.dtype
    assert found.shape == values.shape
    return found.tolist()


@pytest.mark.parametrize(
    ("matrix", "expected"),
    [
        (SHIFT, [[13, 5, 4, -2]]),
        (MIRROR, [[20, 7, 29, 0]]),
        (UPSIDE_DOWN, [[10, 13, 1, 20]]),
        (TWICE, [[20, 14, 2, 0]]),
        (QUARTER, [[13, 10, 20, 1]]),
    ],
)
def test_positions_from_the_corner(matrix: list, expected: list) -> None:
    assert followed(Positions(), [[10.0, 7, 1, 0]], matrix) == expected


def test_positions_from_the_centre() -> None:
    centre = Positions(origin="centre")
    assert followed(centre, [[4.0, -3]], SHIFT) == [[7, -5]]
    assert followed(centre, [[4.0, -3]], MIRROR) == [[-4, -3]]
    # The canvas becomes that of the turned image, whose centre is another.
    assert followed(centre, [[4.0, -3]], QUARTER, after=(WIDTH, HEIGHT)) == [[3, 4]]


def test_a_known_coordinate_stays_known_where_it_does_not_need_the_missing_one() -> None:
    nan = pytest.approx([NAN, 5], nan_ok=True)
    assert followed(Positions(), [[NAN, 7.0]], SHIFT)[0] == nan
    turned = followed(Positions(), [[NAN, 7.0]], QUARTER)[0]
    assert turned == pytest.approx([13, NAN], nan_ok=True)
    assert all(math.isnan(each) for each in followed(Positions(), [[NAN, NAN]], MIRROR)[0])


@pytest.mark.parametrize("zero", ["up", "right"])
@pytest.mark.parametrize(
    ("matrix", "up", "right"),
    [
        (SHIFT, [10, -170, 90, 0], [10, -170, 90, 0]),
        (TWICE, [10, -170, 90, 0], [10, -170, 90, 0]),
        (QUARTER, [100, -80, 180, 90], [100, -80, 180, 90]),
        (MIRROR, [-10, 170, -90, 0], [170, -10, 90, 180]),
        (UPSIDE_DOWN, [170, -10, 90, 180], [-10, 170, -90, 0]),
    ],
)
def test_angles(zero: str, matrix: list, up: list, right: list) -> None:
    found = followed(Angle(zero), [10.0, 190, 90, 0], matrix)
    for angle, expected in zip(found, up if zero == "up" else right, strict=True):
        assert -180 <= angle <= 180
        assert (angle - expected + 90) % 360 == pytest.approx(90, abs=0.01)


def test_angles_side_by_side_and_missing_ones() -> None:
    found = followed(Angle(), [[10.0, NAN], [NAN, -170]], QUARTER)
    assert found[0] == pytest.approx([100, NAN], abs=0.01, nan_ok=True)
    assert found[1] == pytest.approx([NAN, -80], abs=0.01, nan_ok=True)


def test_angles_agree_with_a_turned_image() -> None:
    draws = torch.rand(200, 4)
    matrix = RandomAffine(180, scale=(0.5, 2)).matrix(draws, 8, 8)
    size, angle = torch.full((200, 2), 8.0), 360 * torch.rand(200) - 180
    found = Angle().follow(angle, matrix, size, size)
    turn = 180 * (2 * draws[:, 0] - 1)
    expected = (angle + turn + 180) % 360 - 180
    difference = (found - expected + 180) % 360 - 180
    assert difference.abs().max() < 0.01
    assert found.abs().max() <= 180


def test_an_angle_does_not_depend_on_its_batch() -> None:
    angle, size = 360 * torch.rand(37) - 180, torch.full((37, 2), 8.0)
    matrix = torch.rand(37, 2, 3)
    whole = Angle().follow(angle, matrix, size, size)
    pairs = zip(angle.split(1), matrix.split(1), strict=True)
    parts = [Angle().follow(*pair, size, size) for pair in pairs]
    assert torch.equal(torch.cat(parts), whole)


def test_lengths_grow_with_the_root_of_the_area() -> None:
    for matrix, factor in ((SHIFT, 1), (MIRROR, 1), (QUARTER, 1), (TWICE, 2)):
        assert followed(Length(), [3.0, 5], matrix) == [3 * factor, 5 * factor]
    stretched = [[4.0, 0, 0], [0, 1, 0]]
    found = followed(Length(), [[3.0, NAN]], stretched)
    assert found[0] == pytest.approx([6, NAN], nan_ok=True)


@pytest.mark.parametrize(
    ("matrix", "expected"),
    [
        (SHIFT, [5, 1, 13, 8]),
        (MIRROR, [20, 3, 28, 10]),
        (UPSIDE_DOWN, [2, 10, 10, 17]),
        (TWICE, [4, 6, 20, 20]),
        (QUARTER, [10, 2, 17, 10]),
    ],
)
def test_boxes(matrix: list, expected: list) -> None:
    box = [2.0, 3, 10, 10]
    assert followed(Boxes(), [box], matrix) == [expected]
    assert followed(Boxes(), [box * 2, box * 2], matrix) == [expected * 2] * 2


def test_a_turned_box_is_the_bounds_of_its_corners() -> None:
    half = math.sqrt(0.5)
    turn = [[half, -half, 0], [half, half, 0]]
    assert followed(Boxes(), [[-1.0, -1, 1, 1]], turn)[0] == pytest.approx(
        [-math.sqrt(2)] * 2 + [math.sqrt(2)] * 2
    )


def test_a_missing_box_stays_missing() -> None:
    found = followed(Boxes(), [[NAN] * 4 + [2.0, 3, 10, 10]], MIRROR)[0]
    assert all(math.isnan(each) for each in found[:4])
    assert found[4:] == [20, 3, 28, 10]


def test_a_known_side_of_a_box_stays_known_where_it_does_not_need_the_missing_one() -> None:
    box = [NAN, 3.0, 10, 10]
    for matrix, expected in (
        (SHIFT, [NAN, 1, 13, 8]),
        (MIRROR, [20, 3, NAN, 10]),
        (UPSIDE_DOWN, [NAN, 10, 10, 17]),
        (QUARTER, [10, NAN, 17, 10]),
    ):
        assert followed(Boxes(), [box], matrix)[0] == pytest.approx(expected, nan_ok=True)
    half = math.sqrt(0.5)
    turned = followed(Boxes(), [box], [[half, -half, 0], [half, half, 0]])[0]
    assert turned == pytest.approx([NAN, NAN, 7 * half, 20 * half], nan_ok=True)


def test_thumbnails_are_mirrored_with_the_image() -> None:
    picture, mirrored = [1.0, 2, 3, 4, 5, NAN], [3.0, 2, 1, NAN, 5, 4]
    for matrix in (SHIFT, TWICE, QUARTER):
        assert followed(Thumbnail(3), [picture], matrix)[0] == pytest.approx(picture, nan_ok=True)
    for matrix in (MIRROR, UPSIDE_DOWN):
        assert followed(Thumbnail(3), [picture], matrix)[0] == pytest.approx(mirrored, nan_ok=True)


def test_unchanged() -> None:
    assert followed(Unchanged(), [3.0, -1], MIRROR) == [3, -1]


@pytest.mark.parametrize(
    "geometry", [Positions(), Boxes(), Thumbnail(3)], ids=lambda each: type(each).__name__
)
@pytest.mark.parametrize("target", [torch.ones(5), torch.ones(5, 7)], ids=["one", "seven"])
def test_sizes_that_do_not_fit_are_refused(geometry: Geometry, target: Tensor) -> None:
    size = torch.ones(5, 2)
    with pytest.raises(InputError, match=f"a target has {target[0].numel()}"):
        geometry.follow(target, torch.eye(2, 3).expand(5, 2, 3), size, size)


def test_words_that_are_no_choice_are_refused() -> None:
    with pytest.raises(InputError, match="origin is 'center'; give 'corner' or 'centre'"):
        Positions("center")  # type: ignore[arg-type]
    with pytest.raises(InputError, match="zero is 'left'; give 'up' or 'right'"):
        Angle("left")  # type: ignore[arg-type]
    with pytest.raises(InputError, match="width is 0"):
        Thumbnail(0)
