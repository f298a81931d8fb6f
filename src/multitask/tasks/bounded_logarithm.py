"""Logarithms from a head, bounded so that their exponentials are finite and positive."""

from __future__ import annotations

from torch import Tensor

LARGEST = 20.0
"""Bound of a logarithm: its exponential is from 2e-9 to 5e8, approached smoothly."""


def bounded(raw: Tensor) -> Tensor:
    """Bound a logarithm to -20 to 20; nearly the identity for small values; any shape."""
    return LARGEST * (raw / LARGEST).tanh()


def unbounded(logarithm: Tensor) -> Tensor:
    """The head's output for a logarithm, the inverse of `bounded`; any shape."""
    return LARGEST * (logarithm / LARGEST).clamp(-0.999, 0.999).atanh()
