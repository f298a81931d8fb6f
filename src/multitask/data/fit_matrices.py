"""Where points of an image lie once it has been resized."""

from __future__ import annotations

import torch
from torch import Tensor

from multitask.data.image_format import ImageFormat


def fit_matrices(sizes: Tensor, format: ImageFormat) -> Tensor:
    """Matrices of the resizing that `decode` does.

    Args:
        sizes: height and width of each image before, shape ``[samples, 2]``, above 0.
        format: what the images become.

    Returns:
        Shape ``[samples, 2, 3]``, float32: a point at (x, y), in pixels right and down of the top
        left corner, goes to ``matrix[:, :2] @ (x, y) + matrix[:, 2]``.
    """
    before = sizes.flip(1).double()
    after = torch.tensor([format.width, format.height], dtype=torch.float64)
    scale, shift = after / before, torch.zeros_like(before)
    if format.fit == "crop":
        scale = scale.amax(1, keepdim=True).expand_as(before)
        shift = (after - scale * before) / 2
    elif format.fit == "pad":
        inner = (before * scale.amin(1, keepdim=True)).round().clamp_min(1).minimum(after)
        scale, shift = inner / before, ((after - inner) / 2).floor()
    return torch.cat([torch.diag_embed(scale), shift.unsqueeze(2)], 2).float()
