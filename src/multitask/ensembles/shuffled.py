"""Out-of-distribution images, made from the test images by shuffling patches."""

from __future__ import annotations

import numpy as np
import torch
from scipy.stats import rankdata
from torch import Tensor

from multitask.augmentation.draws import uniforms

PARTS = 4
"""Number of patches along each side of an image."""


def shuffled_patches(images: Tensor, place: Tensor, seed: int = 0) -> Tensor:
    """Shuffle the patches of each image.

    The pixels stay the same, but their content is lost.

    Args:
        images: images, shape ``[batch, channels, height, width]``. If a side is not divisible by
            `PARTS`, the remainder is left unchanged.
        place: indices of the samples in the split, ``[batch]``, int64, which seed the order.
        seed: any integer.

    Returns:
        The shuffled images, of the same shape.
    """
    sides = [length // PARTS * PARTS for length in images.shape[2:]]
    if not all(sides):
        return images.clone()
    (draws,) = uniforms(seed, place, [PARTS**2])
    order = draws.argsort(1).to(images.device)
    height, width = (length // PARTS for length in sides)
    inner = images[:, :, : sides[0], : sides[1]]
    cut = inner.unflatten(3, (PARTS, width)).unflatten(2, (PARTS, height))
    # [batch, patches, channels, height of a patch, width of a patch]
    patches = cut.permute(0, 2, 4, 1, 3, 5).flatten(1, 2)
    chosen = patches[torch.arange(len(images))[:, None], order]
    back = chosen.unflatten(1, (PARTS, PARTS)).permute(0, 3, 1, 4, 2, 5)
    found = images.clone()
    found[:, :, : sides[0], : sides[1]] = back.flatten(4, 5).flatten(2, 3)
    return found


def auroc(ones: Tensor, others: Tensor) -> float:
    """The area under the ROC curve of a score that separates two sets of samples.

    Args:
        ones: scores that should be higher, ``[samples]``.
        others: scores that should be lower.

    Returns:
        The probability that one of ``ones`` is higher than one of ``others``, counting ties as
        half: Mann and Whitney's U divided by the number of pairs.
    """
    ranks = rankdata(np.concatenate([ones.double().numpy(), others.double().numpy()]))
    most = len(ones) * (len(ones) + 1) / 2
    return float((ranks[: len(ones)].sum() - most) / (len(ones) * len(others)))
