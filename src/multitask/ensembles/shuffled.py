"""Images like none that a model has seen, made of those that it is tested on."""

from __future__ import annotations

import numpy as np
import torch
from scipy.stats import rankdata
from torch import Tensor

from multitask.augmentation.draws import uniforms

PARTS = 4
"""Patches along each side of an image."""


def shuffled_patches(images: Tensor, place: Tensor, seed: int = 0) -> Tensor:
    """Put the patches of each image into random order.

    Their pixels are those of the image, and what they show is not there any more.

    Args:
        images: shape ``[batch, channels, height, width]``. What is left of a side that cannot be
            divided by `PARTS` stays as it is.
        place: the samples' places in the split, ``[batch]``, int64, by which the order is drawn.
        seed: any whole number.

    Returns:
        The same shape.
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
    """The area under the ROC curve by which a score tells samples apart.

    Args:
        ones: scores that should be higher, ``[samples]``.
        others: scores that should be lower.

    Returns:
        The probability that one of ``ones`` is higher than one of ``others`` (ties half): Mann and
        Whitney's U over the number of pairs.
    """
    ranks = rankdata(np.concatenate([ones.double().numpy(), others.double().numpy()]))
    most = len(ones) * (len(ones) + 1) / 2
    return float((ranks[: len(ones)].sum() - most) / (len(ones) * len(others)))
