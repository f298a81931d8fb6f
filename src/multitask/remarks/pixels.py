"""Images whose numbers are hardly what their owner thinks: checks of their values."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

from multitask.labels import is_missing

FAR_BEYOND_ONE = 8.0
"""Images that are normalised by a mean and a deviation stay below it; those to 255 do not."""
FEW_LEVELS = 16
"""Images of bytes whose brightest pixel is darker are nearly black."""
BELOW, ABOVE = -0.05, 1.5
"""Images from 0 to 1, which an augmentation may make a little brighter, lie between."""


def are_from_0_to_1(images: Tensor) -> bool:
    """Whether images are as an image file gives them, rather than normalised.

    Args:
        images: of any shape; bytes are, and so are images that are missing.
    """
    if images.dtype == torch.uint8:
        return True
    images = images[~images.isnan()]
    if not len(images):
        return True
    return bool(images.min() >= BELOW and images.max() <= ABOVE)


def image_remarks(images: Tensor) -> Iterator[str]:
    """What the values of some images say.

    Args:
        images: first axis ``[images]``, bytes or floating, before transforms.
    """
    if images.numel() == 0:
        return
    if images.dtype == torch.uint8:
        most = int(images.max())
        if 0 < most < FEW_LEVELS:
            yield (
                f"the images seem to be nearly black: they are bytes, of which 255 is white, and "
                f"the brightest that was looked at is {most}; multiply them, or give floats from "
                "0 to 1"
            )
        return
    images = images[~is_missing(images)]
    known = images[images.isfinite()]
    if len(known) < images.numel():
        yield "some images hold NaN or infinite numbers; replace them, as a loss of them is NaN too"
    if len(known) and float(known.abs().max()) > FAR_BEYOND_ONE:
        yield (
            f"the images are floats that reach from {float(known.min()):.3g} to "
            f"{float(known.max()):.3g}, and 0 to 1 is expected; divide them (by 255, or what white "
            "is), or give bytes (torch.uint8)"
        )
