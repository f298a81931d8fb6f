"""Checks for images whose values are probably not what is expected."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

from multitask.missing_labels import is_missing

FAR_BEYOND_ONE = 8.0
"""Bound on images normalised by mean and standard deviation; images up to 255 exceed it."""
FEW_LEVELS = 16
"""Images of bytes whose brightest pixel is below this are nearly black."""
BELOW, ABOVE = -0.05, 1.5
"""Bounds on images from 0 to 1, which an augmentation may brighten slightly."""


def are_from_0_to_1(images: Tensor) -> bool:
    """Return whether images have values as in an image file, rather than normalised ones.

    Args:
        images: any shape; bytes and missing images count as such.
    """
    if images.dtype == torch.uint8:
        return True
    images = images[~images.isnan()]
    if not len(images):
        return True
    return bool(images.min() >= BELOW and images.max() <= ABOVE)


def image_remarks(images: Tensor) -> Iterator[str]:
    """Check the values of some images.

    Args:
        images: first axis ``[images]``, bytes or floating, before transforms.
    """
    if images.numel() == 0:
        return
    if images.dtype == torch.uint8:
        most = int(images.max())
        if 0 < most < FEW_LEVELS:
            yield (
                f"the images seem to be nearly black: they are bytes, in which 255 is white, but "
                f"the brightest one inspected is {most}; multiply them, or give floats from "
                "0 to 1"
            )
        return
    images = images[~is_missing(images)]
    known = images[images.isfinite()]
    if len(known) < images.numel():
        yield "some images contain NaN or infinite numbers; replace them, as they make the loss NaN"
    if len(known) and float(known.abs().max()) > FAR_BEYOND_ONE:
        yield (
            f"the images are floats that range from {float(known.min()):.3g} to "
            f"{float(known.max()):.3g}, but 0 to 1 is expected; divide them (by 255, or the value "
            "of white), or give bytes (torch.uint8)"
        )
