"""Scenes of square cards with handwritten digits that overlap and are tilted and lit."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn.functional import grid_sample, normalize

CANVAS = 48
MOST_CARDS = 4
CARD_SHARES = (0.1, 0.25, 0.25, 0.25, 0.15)
"""Probabilities of scenes with 0, 1, 2, 3 and 4 cards."""
SIDES = (14.0, 24.0)
CENTRES = (10.0, 38.0)
MOST_TILT = 40.0
NEAREST, APART, BACKGROUND = 1.0, 0.5, 3.5
"""Distances in metres: of the nearest card, between cards, and of the wall behind them."""
METRES_PER_PIXEL = 0.01
BAR, GLYPH_SIDE, GLYPH_DOWN = -0.7, 0.82, 0.16
"""On a card from -1 to 1: end of its dark bar, half the digit's side, offset of the digit."""
WHITE, INK, WALL = 0.9, 0.2, 0.35
AMBIENT, LIGHT_HEIGHT, FOG = 0.15, 50.0, 0.35
NOISE = 0.02
SEEN = 0.25
"""Fraction of a card that must be visible for it to count."""
AT_ONCE = 250


@dataclass
class Cards:
    """The cards of some scenes, nearest first.

    Args:
        number: number of cards in each scene, shape ``[scenes]``, int64.
        glyph: each card's source digit, shape ``[scenes, 4]``, int64.
        centre: x and y in pixels, shape ``[scenes, 4, 2]``.
        side: side length in pixels, shape ``[scenes, 4]``.
        angle: in degrees clockwise, from -180 to 180, shape ``[scenes, 4]``.
        distance: distance of the centre in metres, shape ``[scenes, 4]``.
        normal: unit vectors x (right), y (down) and z (to the viewer), shape ``[scenes, 4, 3]``.
    """

    number: Tensor
    glyph: Tensor
    centre: Tensor
    side: Tensor
    angle: Tensor
    distance: Tensor
    normal: Tensor

    @property
    def exists(self) -> Tensor:
        """Mask, shape ``[scenes, 4]``."""
        return torch.arange(MOST_CARDS) < self.number.unsqueeze(1)

    def corners(self) -> Tensor:
        """Top left, top right, bottom right and bottom left corner of the upright card, as placed.

        Returns:
            x and y in pixels, shape ``[scenes, 4 cards, 4, 2]``.
        """
        unit = torch.tensor([[-1.0, -1.0], [1.0, -1.0], [1.0, 1.0], [-1.0, 1.0]])
        cosine, sine = _turn(self.angle)
        x, y = unit.unbind(1)
        across = cosine.unsqueeze(2) * x - sine.unsqueeze(2) * y
        down = sine.unsqueeze(2) * x + cosine.unsqueeze(2) * y
        half = (self.side / 2)[:, :, None, None]
        return self.centre.unsqueeze(2) + half * torch.stack([across, down], 3)

    def part(self, places: slice) -> Cards:
        """Return some of the scenes."""
        return Cards(**{name: values[places] for name, values in vars(self).items()})


def place_cards(scenes: int, glyphs: int, generator: torch.Generator) -> Cards:
    """Place cards at random.

    Args:
        scenes: number of scenes.
        glyphs: number of source digits to choose from.
        generator: random number generator.
    """

    def uniform(low: float, high: float, *shape: int) -> Tensor:
        return low + (high - low) * torch.rand(scenes, *shape, generator=generator)

    shares = torch.tensor(CARD_SHARES).expand(scenes, -1)
    # In double precision, because a sine's last digit may depend on the memory layout.
    tilt = uniform(0, MOST_TILT, MOST_CARDS).double() * (math.pi / 180)
    towards = uniform(-math.pi, math.pi, MOST_CARDS).double()
    normal = torch.stack([tilt.sin() * towards.cos(), tilt.sin() * towards.sin(), tilt.cos()], 2)
    return Cards(
        number=torch.multinomial(shares, 1, generator=generator).squeeze(1),
        glyph=torch.randint(glyphs, (scenes, MOST_CARDS), generator=generator),
        centre=uniform(*CENTRES, MOST_CARDS, 2),
        side=uniform(*SIDES, MOST_CARDS),
        angle=uniform(-180, 180, MOST_CARDS),
        distance=NEAREST + APART * torch.arange(MOST_CARDS) + uniform(0, 0.2, MOST_CARDS),
        normal=normal.float(),
    )


def draw_scenes(cards: Cards, glyphs: Tensor, generator: torch.Generator) -> dict[str, Tensor]:
    """Draw cards, and what is visible at each pixel.

    Args:
        cards: the placed cards.
        glyphs: source digits, shape ``[digits, 1, 8, 8]``, float32 from 0 to 1.
        generator: random number generator of the noise.

    Returns:
        ``image`` ``[scenes, 3, 48, 48]``, float32 from 0 to 1; ``card`` ``[scenes, 48, 48]``,
        int64, the number of the visible card, 4 if there is none; ``depth`` in metres ``[scenes,
        48, 48]`` and ``normals`` ``[scenes, 3, 48, 48]``, both float32; ``visible`` ``[scenes,
        4]``, the visible fraction of each card.
    """
    size = len(cards.number)
    parts = [
        _drawn(cards.part(slice(start, start + AT_ONCE)), glyphs)
        for start in range(0, size, AT_ONCE)
    ]
    drawn = {name: torch.cat([part[name] for part in parts]) for name in parts[0]}
    noise = NOISE * torch.randn(drawn["image"].shape, generator=generator)
    return drawn | {"image": (drawn["image"] + noise).clamp_(0, 1)}


def _drawn(cards: Cards, glyphs: Tensor) -> dict[str, Tensor]:
    places = torch.arange(CANVAS) + 0.5
    offset = torch.stack(torch.meshgrid(places, places, indexing="xy"), 2)
    # Offsets from the centre of each card, [scenes, cards, 48, 48, 2].
    offset = offset - cards.centre[:, :, None, None, :]
    x, y = offset.unbind(4)
    cosine, sine = (each[:, :, None, None] for each in _turn(cards.angle))
    half = (cards.side / 2)[:, :, None, None]
    u, v = (cosine * x + sine * y) / half, (cosine * y - sine * x) / half
    inside = (u.abs() <= 1) & (v.abs() <= 1) & cards.exists[:, :, None, None]
    # Cards are ordered by distance; the wall behind them is last.
    seen = torch.cat([inside, torch.ones_like(inside[:, :1])], 1).byte().argmax(1)

    def chosen(of_cards: Tensor, of_wall: float) -> Tensor:
        every = torch.cat([of_cards, torch.full_like(of_cards[:, :1], of_wall)], 1)
        return every.gather(1, seen.unsqueeze(1)).squeeze(1)

    white = WHITE - (WHITE - INK) * _ink(u, v, glyphs[cards.glyph])
    albedo = chosen(white.where(v > BAR, INK), WALL)
    nx, ny, nz = (each[:, :, None, None].expand_as(x) for each in cards.normal.unbind(2))
    plane = cards.distance[:, :, None, None] + METRES_PER_PIXEL * (nx * x + ny * y) / nz
    depth = chosen(plane, BACKGROUND)
    normals = torch.stack([chosen(nx, 0.0), chosen(ny, 0.0), chosen(nz, 1.0)], 1)
    x, y, z = normals.unsqueeze(1).unbind(2)
    to_x, to_y, to_z = (each.view(3, 1, 1) for each in _lights().unbind(1))
    # Not a matrix product, whose last digit may depend on the other scenes of the batch.
    shade = (to_x * x + to_y * y + to_z * z).clamp(min=0)
    fog = (-FOG * (depth.double() - NEAREST)).exp().float()
    visible = torch.nn.functional.one_hot(seen, MOST_CARDS + 1).sum((1, 2))[:, :MOST_CARDS]
    return {
        "image": (albedo * fog).unsqueeze(1) * (AMBIENT + (1 - AMBIENT) * shade),
        "card": seen,
        "depth": depth,
        "normals": normals,
        "visible": visible / cards.side.square(),
    }


def _ink(u: Tensor, v: Tensor, glyphs: Tensor) -> Tensor:
    """Read the digits of cards at positions from -1 to 1, all ``[scenes, cards, 48, 48]``."""
    grid = torch.stack([u, v - GLYPH_DOWN], 4) / GLYPH_SIDE
    read = grid_sample(glyphs.flatten(0, 1), grid.flatten(0, 1), align_corners=False)
    return read.view_as(u)


def _turn(degrees: Tensor) -> tuple[Tensor, Tensor]:
    radians = degrees.double() * (math.pi / 180)
    return radians.cos().float(), radians.sin().float()


def _lights() -> Tensor:
    """Return the directions of the red, green and blue light, unit vectors ``[3 lights, 3]``."""
    around = torch.arange(3) * (2 * math.pi / 3)
    height = torch.full((3,), math.tan((90 - LIGHT_HEIGHT) * math.pi / 180))
    return normalize(torch.stack([around.cos(), around.sin(), height], 1), dim=1)
