"""Size and shape of the bright part of an image, similar to Morpho-MNIST."""

from __future__ import annotations

import math
from collections.abc import Mapping

import torch
from torch import Tensor
from torch.nn.functional import pad

from multitask.data.computed.base import ComputedTargets
from multitask.data.dataset import BatchDataset
from multitask.data.rows import Rows
from multitask.errors import InputError
from multitask.geometry import Geometry, Length

CHUNK = 4096
INK = 0.5
"""Fraction of an image's maximum brightness from which pixels count towards the bounding box."""
DARK = 0.1
"""Mean brightness of the image edges up to which the background counts as dark."""


class Morphometrics(ComputedTargets):
    """Area, length, thickness, slant, width and height of bright content on a dark background.

    These are the six quantities of Morpho-MNIST (Castro et al., 2019), but computed from
    brightness, without binary images and skeletons; see `measure` for the formulas. They are
    intended for grey images on a dark background, such as MNIST, FashionMNIST and dSprites.

    Targets: ``area`` (pixels), ``length`` and ``thickness`` (pixels), ``slant`` (degrees, positive
    if the top leans to the right), ``width`` and ``height`` (pixels).
    """

    geometry = {"length": Length(), "thickness": Length()}  # noqa: RUF012

    def __call__(
        self, samples: BatchDataset, seed: int, geometry: Mapping[str, Geometry]
    ) -> BatchDataset:
        rows = torch.arange(len(samples))
        _refuse_others(samples)
        measured = [measure(_brightness(samples.images(chunk))) for chunk in rows.split(CHUNK)]
        new = {name: torch.cat([chunk[name] for chunk in measured]) for name in measured[0]}
        for name in new:
            if name in samples.targets:
                raise InputError(
                    f"computed: Morphometrics would replace the target '{name}'; compute it once"
                )
        return Rows(samples, rows, {**samples.targets, **new})


def measure(images: Tensor) -> dict[str, Tensor]:
    """Compute the six quantities of images.

    For brightness ``w(x, y)`` from 0 to 1, with x to the right and y down:

    - ``area``: the sum of w.
    - perimeter: by Crofton's formula over four directions,
      ``pi / 8 * (H + V + (D1 + D2) / sqrt(2))``, where H, V, D1 and D2 are the sums of the absolute
      differences of w between neighbours to the right, down, and along both diagonals.
    - ``thickness``: 2 area / perimeter, which is the width of a long thin stroke.
    - ``length``: perimeter / 2, the length of such a stroke. The product of both is the area.
    - ``slant``: ``atan(-m11 / m02)``, with the second moments of w about its centroid,
      ``m11 = sum w (x - x0) (y - y0)`` and ``m02 = sum w (y - y0)^2``; 0 where m02 is 0.
    - ``width``, ``height``: size of the bounding box of the pixels with at least half of the
      image's maximum brightness.

    Args:
        images: shape ``[batch, 1, height, width]``, floating, from 0 to 1.

    Returns:
        By name, each of shape ``[batch]``, float32; for a black image, the area is 0 and all other
        quantities are NaN.
    """
    bright = images[:, 0].float()
    area, perimeter = bright.sum((1, 2)), _perimeter(bright)
    ink = bright >= INK * bright.amax((1, 2), keepdim=True)
    measured = {
        "length": perimeter / 2,
        "thickness": 2 * area / perimeter,
        "slant": _slant(bright, area) * (180 / math.pi),
        "width": _extent(ink.any(1)),
        "height": _extent(ink.any(2)),
    }
    seen = area > 0
    return {"area": area} | {
        name: torch.where(seen, values, torch.nan) for name, values in measured.items()
    }


def _perimeter(bright: Tensor) -> Tensor:
    padded = pad(bright, (1, 1, 1, 1))
    here = padded[:, :-1, :-1]
    right, down = padded[:, :-1, 1:] - here, padded[:, 1:, :-1] - here
    falling, rising = padded[:, 1:, 1:] - here, padded[:, 1:, :-1] - padded[:, :-1, 1:]
    straight = (right.abs() + down.abs()).sum((1, 2))
    diagonal = (falling.abs() + rising.abs()).sum((1, 2))
    return math.pi / 8 * (straight + diagonal / math.sqrt(2))


def _slant(bright: Tensor, area: Tensor) -> Tensor:
    down, right = (torch.arange(size, dtype=bright.dtype) for size in bright.shape[1:])
    columns, rows = bright.sum(1), bright.sum(2)
    right = right - (columns @ right / area).unsqueeze(1)
    down = down - (rows @ down / area).unsqueeze(1)
    mixed = torch.einsum("nyx,ny,nx->n", bright, down, right)
    vertical = (rows * down.square()).sum(1)
    return torch.where(vertical > 0, (-mixed / vertical).atan(), 0.0)


def _extent(ink: Tensor) -> Tensor:
    """Return the length from the first to the last True, ``[batch, places]`` to ``[batch]``."""
    first = ink.int().argmax(1)
    behind_last = ink.shape[1] - ink.flip(1).int().argmax(1)
    return (behind_last - first).float()


def _brightness(images: Tensor) -> Tensor:
    return images.float() / 255 if images.dtype == torch.uint8 else images


def _refuse_others(samples: BatchDataset) -> None:
    images = _brightness(samples.images(torch.arange(min(len(samples), CHUNK))))
    if images.shape[1] != 1:
        raise InputError(
            f"computed: Morphometrics measure grey images, but these have {images.shape[1]} "
            "channels; remove Morphometrics"
        )
    edges = torch.cat([images[..., [0, -1], :].flatten(), images[..., :, [0, -1]].flatten()])
    if edges.mean() > DARK:
        raise InputError(
            "computed: Morphometrics measure bright objects on a dark background, but the edges of "
            f"these images have a mean brightness of {100 * edges.mean():.0f} %, above "
            f"{100 * DARK:.0f} %; remove Morphometrics"
        )
