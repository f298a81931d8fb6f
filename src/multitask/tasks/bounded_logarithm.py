"""Logarithms that a head returns, kept where their exponentials are numbers."""

from __future__ import annotations

from torch import Tensor

LARGEST = 20.0
"""Of a logarithm: its exponential is from 2e-9 to 5e8, approached without an edge."""


def bounded(raw: Tensor) -> Tensor:
    """A logarithm between -20 and 20, nearly the head's output if that is small; any shape."""
    return LARGEST * (raw / LARGEST).tanh()


def unbounded(logarithm: Tensor) -> Tensor:
    """The head's output of a logarithm: what `bounded` undoes; any shape."""
    return LARGEST * (logarithm / LARGEST).clamp(-0.999, 0.999).atanh()
