"""The mean resultant length of a von Mises distribution, by operations that can be exported."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

EDGE = 3.75
I0_SMALL = (1.0, 3.5156229, 3.0899424, 1.2067492, 0.2659732, 0.0360768, 0.0045813)
I1_SMALL = (0.5, 0.87890594, 0.51498869, 0.15084934, 0.02658733, 0.00301532, 0.00032411)
I0_LARGE = (
    0.39894228, 0.01328592, 0.00225319, -0.00157565, 0.00916281, -0.02057706, 0.02635537,
    -0.01647633, 0.00392377,
)  # fmt: skip
I1_LARGE = (
    0.39894228, -0.03988024, -0.00362018, 0.00163801, -0.01031555, 0.02282967, -0.02895312,
    0.01787654, -0.00420059,
)  # fmt: skip


def mean_resultant(concentration: Tensor) -> Tensor:
    """``I1(k) / I0(k)``, the length of the mean of the distribution's unit vectors.

    Abramowitz and Stegun, 1964, "Handbook of Mathematical Functions", 9.8.1 to 9.8.4; within 2e-6.

    Args:
        concentration: k, 0 or more, any shape.

    Returns:
        From 0 to 1, same shape.
    """
    square = (concentration.clamp_max(EDGE) / EDGE).square()
    inverse = EDGE / concentration.clamp_min(EDGE)
    small = concentration * _polynomial(square, I1_SMALL) / _polynomial(square, I0_SMALL)
    large = _polynomial(inverse, I1_LARGE) / _polynomial(inverse, I0_LARGE)
    return torch.where(concentration < EDGE, small, large)


def _polynomial(values: Tensor, factors: Sequence[float]) -> Tensor:
    found = torch.full_like(values, factors[-1])
    for factor in factors[-2::-1]:
        found = found * values + factor
    return found
