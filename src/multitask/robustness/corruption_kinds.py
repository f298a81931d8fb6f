"""The kinds of corruption: their effects on pixels, and their strengths.

The kinds and their order follow ImageNet-C (Hendrycks and Dietterich, 2019;
https://arxiv.org/abs/1903.12261). Its strengths are made for images of 224 pixels and leave nothing
of small images, so lengths are relative to the image's shorter side here.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from io import BytesIO
from math import ceil
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch import Tensor
from torch.nn.functional import interpolate
from torchvision.transforms.v2 import functional as torchvision

HALF_A_STEP = 2.0**-25
"""Half the distance of two uniform numbers, added so that the logarithm of 0 is finite."""


@dataclass(frozen=True)
class Kind:
    """A type of image corruption.

    Args:
        change: receives images from 0 to 1, a strength, and a number from 0 to 1 for each pixel.
        strengths: strengths from severity 1, the mildest, to 5.
        lowest: lowest valid strength.
        highest: highest valid strength.
        meaning: meaning of a strength, for messages and pages.
        draws: whether it is random.
    """

    change: Callable[[Tensor, float, Tensor], Tensor]
    strengths: tuple[float, ...]
    lowest: float
    highest: float
    meaning: str
    draws: bool = False


def _gaussian_noise(images: Tensor, deviation: float, drawn: Tensor) -> Tensor:
    return images + deviation * torch.special.ndtri(drawn.double() + HALF_A_STEP).to(images.dtype)


def _shot_noise(images: Tensor, counts: float, drawn: Tensor) -> Tensor:
    # The number of photons at which the distribution function first reaches the random number.
    # In double precision, since single precision rounds the probability of 0 photons of 104 to 0.
    expected = images.double() * counts
    share = torch.exp(-expected)
    reached, found = share.clone(), torch.zeros_like(expected)
    for photons in range(1, ceil(counts) + 1):
        beyond = drawn >= reached
        if not beyond.any():
            break
        # Values above white are white.
        found += beyond
        share *= expected / photons
        reached += share
    return (found / counts).to(images.dtype)


def _impulse_noise(images: Tensor, share: float, drawn: Tensor) -> Tensor:
    black, white = drawn < share / 2, drawn >= 1 - share / 2
    return images.masked_fill(black, 0).masked_fill(white, 1)


def _blur(images: Tensor, share: float, drawn: Tensor) -> Tensor:
    side = min(images.shape[-2:])
    # Reflection padding is at most as wide as the image.
    reach = min(ceil(3 * share * side), side - 1)
    if reach < 1 or share == 0:
        return images
    return torchvision.gaussian_blur(images, [2 * reach + 1] * 2, [share * side] * 2)


def _pixelation(images: Tensor, share: float, drawn: Tensor) -> Tensor:
    size = [max(1, round(share * side)) for side in images.shape[-2:]]
    coarse = interpolate(images, size, mode="area")
    # Not the nearest pixels, which are shifted slightly if sizes are not multiples.
    return interpolate(coarse, images.shape[-2:], mode="area")


def _jpeg(images: Tensor, quality: float, drawn: Tensor) -> Tensor:
    channels = images.shape[1]
    # Images with other numbers of channels than a picture are compressed channel by channel.
    pictures = images if channels in (1, 3) else images.flatten(0, 1).unsqueeze(1)
    given = (pictures * 255).round().clamp(0, 255).to(torch.uint8).cpu().permute(0, 2, 3, 1)
    packed = [_compressed(each.squeeze(2).numpy(), round(quality)) for each in given]
    if not packed:
        return images
    found = torch.from_numpy(np.stack(packed)).view_as(given).permute(0, 3, 1, 2)
    return found.to(images).div(255).reshape(images.shape)


def _compressed(pixels: np.ndarray[Any, Any], quality: int) -> np.ndarray[Any, Any]:
    # Torchvision's own encoder will be removed.
    file = BytesIO()
    Image.fromarray(pixels).save(file, "JPEG", quality=quality)
    return np.asarray(Image.open(file))


def _contrast(images: Tensor, factor: float, drawn: Tensor) -> Tensor:
    mean = images.mean((2, 3), keepdim=True)
    return mean + factor * (images - mean)


def _brightness(images: Tensor, added: float, drawn: Tensor) -> Tensor:
    return images + added


_OF_SIDE = "a share of the image's shorter side"
KINDS: dict[str, Kind] = {
    "gaussian_noise": Kind(
        _gaussian_noise, (0.04, 0.08, 0.12, 0.18, 0.26), 0, 1, "a standard deviation", True
    ),
    "shot_noise": Kind(
        _shot_noise, (60, 25, 12, 5, 3), 1, 255, "the photons that a white pixel counts", True
    ),
    "impulse_noise": Kind(
        _impulse_noise, (0.01, 0.03, 0.06, 0.1, 0.17), 0, 1, "the share of pixels hit", True
    ),
    "blur": Kind(
        _blur, (0.017, 0.025, 0.033, 0.046, 0.063), 0, 1, f"a standard deviation as {_OF_SIDE}"
    ),
    "pixelation": Kind(
        _pixelation, (0.83, 0.67, 0.54, 0.46, 0.375), 0.01, 1, "the share of the pixels per side"
    ),
    "jpeg": Kind(_jpeg, (25, 18, 15, 10, 7), 1, 100, "a quality"),
    "contrast": Kind(_contrast, (0.75, 0.5, 0.4, 0.3, 0.15), 0, 1, "a factor"),
    "brightness": Kind(_brightness, (0.1, 0.2, 0.3, 0.4, 0.5), -1, 1, "added to each pixel"),
}
"""All kinds by name."""
