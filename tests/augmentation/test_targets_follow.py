"""Every target follows every augmentation: what is drawn from it is what the moved image shows."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor
from torch.nn.functional import max_pool2d, normalize, one_hot

from multitask.augmentation import (
    Augmentation,
    AugmentationSequence,
    ColorJitter,
    RandomAffine,
    RandomCrop,
    RandomErasing,
    RandomHorizontalFlip,
    RandomResizedCrop,
    RandomVerticalFlip,
)
from multitask.augmentation.draws import uniforms
from multitask.data import Scenes
from multitask.data.digits import source_digits
from multitask.data.scene_rendering import BAR, CANVAS, METRES_PER_PIXEL, draw_scenes, place_cards
from multitask.data.scenes import scene_targets
from multitask.geometry import PixelMap

# By whole pixels; between them; and between them and more in one direction than in the other.
EXACT = [RandomHorizontalFlip(), RandomVerticalFlip(), RandomCrop(6)]
TURNING = [RandomAffine(180, (0.1, 0.1), (0.8, 1.3))]
STRETCHING = [RandomResizedCrop((0.5, 1))]
FIXED = [ColorJitter(0.5, 0.5), RandomErasing()]
SCENES = 60
SEED = 3
CLASSES, CARDS = 11, 5
BAR_SHARE = (BAR + 1) / 2
FARTHEST = 4.0
"""Metres that stand for a brightness of 1."""


def named(augmentation: Augmentation) -> str:
    return type(augmentation).__name__


@pytest.fixture(scope="module")
def scenes() -> dict[str, Tensor]:
    """Targets of scenes with at least one card, and of what images of them can be drawn."""
    generator = torch.Generator().manual_seed(0)
    glyphs, labels = source_digits()
    cards = place_cards(SCENES, len(glyphs), generator)
    cards.number.clamp_(min=1)
    drawn = draw_scenes(cards, glyphs, generator)
    return scene_targets(cards, labels, drawn) | {"card": drawn["card"].byte()}


def moved(
    augmentation: Augmentation, scenes: dict[str, Tensor], image: Tensor
) -> dict[str, Tensor]:
    """Targets that followed, beside the image that was moved."""
    geometry = Scenes().own_geometry() | {"card": PixelMap()}
    targets = {name: scenes[name] for name in geometry if name in scenes}
    batch = {"image": image, "@place": torch.arange(SCENES), **targets}
    return AugmentationSequence([augmentation], seed=SEED)(batch, geometry)


def certain(shares: Tensor, within: int = 0) -> Tensor:
    """Pixels that show one thing alone, the same as all others within so many pixels.

    Args:
        shares: how much of each thing pixels show, ``[scenes, things, 48, 48]``.
        within: number of pixels.
    """
    least = -max_pool2d(-shares, 2 * within + 1, 1, within)
    return least.amax(1) > 1 - 1e-5


def drawn_square(corners: Tensor, share: float) -> Tensor:
    """Fill what four corners enclose, from its upper edge down.

    Args:
        corners: x and y of top left, top right, bottom right and bottom left, ``[scenes, 8]``.
        share: of the height, that is filled.

    Returns:
        Mask ``[scenes, 48, 48]``.
    """
    first, second, _, last = corners.unflatten(1, (4, 2)).double().unbind(1)
    across, down = second - first, (last - first) * share
    place = torch.arange(CANVAS, dtype=torch.float64) + 0.5
    at = torch.stack(torch.meshgrid(place, place, indexing="xy"), 2)
    x, y = (at - first[:, None, None]).unbind(3)
    (ax, ay), (dx, dy) = (each[:, :, None, None].unbind(1) for each in (across, down))
    area = ax * dy - ay * dx
    u, v = (x * dy - y * dx) / area, (ax * y - ay * x) / area
    return (u >= 0) & (u <= 1) & (v >= 0) & (v <= 1)


@pytest.mark.parametrize("augmentation", [*EXACT, *TURNING, *STRETCHING], ids=named)
def test_the_class_of_each_pixel(augmentation: Augmentation, scenes: dict[str, Tensor]) -> None:
    image = one_hot(scenes["classes"].long(), CLASSES).movedim(3, 1).float()
    found = moved(augmentation, scenes, image)
    known = found["classes"] != 255
    assert 0.6 < known.float().mean() <= 1
    agree = found["image"].argmax(1) == found["classes"]
    sure = known if augmentation in EXACT else known & certain(found["image"])
    assert agree[sure].all()
    assert sure[known].float().mean() > 0.8
    # On the edges, the nearest pixel is not always that of the largest share.
    assert agree[known].float().mean() > 0.97


@pytest.mark.parametrize("augmentation", [*EXACT, *TURNING, *STRETCHING], ids=named)
def test_depth_and_edges_of_each_pixel(
    augmentation: Augmentation, scenes: dict[str, Tensor]
) -> None:
    cards = one_hot(scenes["card"].long(), CARDS).movedim(3, 1)
    image = torch.cat([cards, scenes["edges"].unsqueeze(1)], 1).float()
    image = torch.cat([image, scenes["depth"].unsqueeze(1) / FARTHEST], 1)
    found = moved(augmentation, scenes, image)
    shares, edges, depth = found["image"].split([CARDS, 1, 1], 1)
    edges, metres = edges.squeeze(1), FARTHEST * depth.squeeze(1)
    known = found["depth"].isfinite()
    assert torch.equal(known, found["edges"] != 255)
    crisp = augmentation in EXACT
    sure = known if crisp else known & certain(shares)
    # A card is at most 0.0084 metres deeper one pixel aside.
    apart = (metres - found["depth"])[sure].abs()
    assert apart.max() < (1e-5 if crisp else 0.0084)
    sure = known if crisp else known & ((edges < 0.001) | (edges > 0.999))
    assert torch.equal(edges[sure] > 0.5, found["edges"][sure] == 1)
    assert ((edges > 0.5) == found["edges"])[known].float().mean() > 0.9


@pytest.mark.parametrize("augmentation", [*EXACT, *TURNING, *STRETCHING], ids=named)
def test_corners_of_the_nearest_card(augmentation: Augmentation, scenes: dict[str, Tensor]) -> None:
    card, bar = scenes["card"] == 0, drawn_square(scenes["corners"], BAR_SHARE)
    found = moved(augmentation, scenes, torch.stack([card, bar], 1).float())
    for seen, share in zip(found["image"].unbind(1), (1.0, BAR_SHARE), strict=True):
        drawn = drawn_square(found["corners"], share)
        inside = found["classes"] != 255
        assert (drawn == (seen > 0.5))[inside].float().mean() > 0.99
        # Corners are not whole pixels: they may differ on the edges, and only there.
        edge = max_pool2d(drawn.float(), 3, 1, 1) + max_pool2d(-drawn.float(), 3, 1, 1)
        sure = inside & (edge == 0)
        assert torch.equal(drawn[sure], seen[sure] > 0.5)
    # The left corner stays the left one, of an upright card in a mirror image too.
    first, second, _, last = found["corners"].unflatten(1, (4, 2)).unbind(1)
    assert (torch.linalg.det(torch.stack([second - first, last - first], 1)) > 0).all()


@pytest.mark.parametrize("augmentation", [*EXACT, *TURNING, *STRETCHING], ids=named)
def test_the_box_bounds_the_corners(augmentation: Augmentation, scenes: dict[str, Tensor]) -> None:
    found = moved(augmentation, scenes, torch.zeros(SCENES, 1, CANVAS, CANVAS))
    corners = found["corners"].unflatten(1, (4, 2))
    bounds = torch.cat([corners.amin(1), corners.amax(1)], 1)
    if augmentation in TURNING:
        # A square's bounds are up to the root of 2 larger than it, and so are theirs if they turn.
        assert (found["box"][:, :2] <= bounds[:, :2] + 1e-3).all()
        assert (found["box"][:, 2:] >= bounds[:, 2:] - 1e-3).all()
        sides, grown = (each[:, 2:] - each[:, :2] for each in (bounds, found["box"]))
        assert (grown <= 2 * sides).all()
    else:
        torch.testing.assert_close(found["box"], bounds, atol=1e-3, rtol=0)


@pytest.mark.parametrize("augmentation", [*EXACT, *TURNING, *STRETCHING], ids=named)
def test_boxes_hold_the_cards(augmentation: Augmentation, scenes: dict[str, Tensor]) -> None:
    cards = one_hot(scenes["card"].long(), CARDS).movedim(3, 1).float()
    found = moved(augmentation, scenes, cards)
    place = torch.arange(CANVAS) + 0.5
    for card in range(CARDS - 1):
        kind, left, top, right, bottom = (
            each[:, None, None] for each in found["boxes"][:, card].unbind(1)
        )
        is_box, was_box = (each["boxes"][:, card, 0] >= 0 for each in (found, scenes))
        assert not is_box[~was_box].any()
        assert torch.equal(kind.flatten()[is_box], scenes["boxes"][is_box, card, 0])
        seen = found["image"][:, card] > 0.99
        across = (place > left) & (place < right)
        down = ((place > top) & (place < bottom)).transpose(1, 2)
        assert not (seen & ~(across & down))[is_box].any()
        # A box that is gone was hardly inside: of the canvas its card takes little.
        assert seen[was_box & ~is_box].flatten(1).sum(1).le(24**2 / 2).all()
        if augmentation not in TURNING and card == 0:
            # The nearest is hidden by none: its box ends where it does, if all of it was there.
            whole = is_box & (scenes["box"] == scenes["boxes"][:, 0, 1:]).all(1)
            nearest = found["box"].clamp(0, CANVAS)
            torch.testing.assert_close(found["boxes"][whole, 0, 1:], nearest[whole])


@pytest.mark.parametrize("augmentation", [*EXACT, *TURNING, *STRETCHING], ids=named)
def test_the_angle_points_up_the_card(
    augmentation: Augmentation, scenes: dict[str, Tensor]
) -> None:
    found = moved(augmentation, scenes, torch.zeros(SCENES, 1, CANVAS, CANVAS))
    corners = found["corners"].unflatten(1, (4, 2))
    x, y = (corners[:, :2].mean(1) - corners[:, 2:].mean(1)).unbind(1)
    expected = torch.atan2(x, -y) * (180 / math.pi)
    apart = (found["angle"] - expected + 180).remainder(360) - 180
    assert apart.abs().max() < 1e-2
    assert found["angle"].abs().max() <= 180


@pytest.mark.parametrize("augmentation", [*EXACT, *TURNING, *STRETCHING], ids=named)
def test_normals_stand_on_the_depth(augmentation: Augmentation, scenes: dict[str, Tensor]) -> None:
    cards = one_hot(scenes["card"].long(), CARDS).movedim(3, 1)
    found = moved(
        augmentation, scenes, torch.cat([cards, scenes["depth"].unsqueeze(1) / FARTHEST], 1)
    )
    shares, depth = found["image"].double().split([CARDS, 1], 1)
    metres, normals = FARTHEST * depth.squeeze(1), found["normals"].double()
    inner, left, right = slice(2, -2), slice(1, -3), slice(3, -1)
    slope = torch.stack(
        [
            metres[:, inner, right] - metres[:, inner, left],
            metres[:, right, inner] - metres[:, left, inner],
        ],
        1,
    ) / (2 * METRES_PER_PIXEL)
    # An image that is enlarged as a whole keeps its normals, as if one stood nearer.
    (draws,) = uniforms(SEED, torch.arange(SCENES), [augmentation.draws])
    linear = augmentation.matrix(draws, CANVAS, CANVAS)[:, :, :2].double()
    slope = slope * torch.linalg.det(linear).abs().sqrt().view(-1, 1, 1, 1)
    expected = normalize(torch.cat([slope, torch.ones_like(slope[:, :1])], 1), dim=1)
    normals = normals[:, :, inner, inner]
    sure = certain(shares, within=1)[:, inner, inner] & normals.isfinite().all(1)
    assert sure.float().mean() > 0.5
    apart = (expected - normals).norm(dim=1)[sure] * (180 / math.pi)
    assert apart.max() < 0.1


@pytest.mark.parametrize("augmentation", FIXED, ids=named)
def test_what_moves_nothing_leaves_targets(
    augmentation: Augmentation, scenes: dict[str, Tensor]
) -> None:
    found = moved(augmentation, scenes, torch.rand(SCENES, 3, CANVAS, CANVAS))
    for name in set(found) & set(scenes):
        torch.testing.assert_close(found[name], scenes[name], atol=0, rtol=0, equal_nan=True)
