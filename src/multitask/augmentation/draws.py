"""Random numbers that depend on their purpose, not on what was drawn before."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

import torch
from torch import Tensor

GOLDEN = 0x9E3779B97F4A7C15 - 2**64
FIRST, SECOND = 0xBF58476D1CE4E5B9 - 2**64, 0x94D049BB133111EB - 2**64
PLACE = "@place"
"""Batch key of the samples' places in the run: shape ``[batch]``, int64. No task has this name."""
STREAM_BITS = 32
"""Base-2 logarithm of the limit of numbers per sample in one stream."""


def uniforms(seed: int, place: Tensor, counts: Sequence[int]) -> tuple[Tensor, ...]:
    """Draw numbers for each sample, with one stream per use.

    Each number is a hash of the seed, the sample's place, the stream and the number's index in the
    stream, computed by the finaliser of splitmix64 (Steele et al., 2014;
    https://doi.org/10.1145/2714064.2660195). It is the same in any batch, on any process, on CPU
    and on GPU.

    Args:
        seed: any integer.
        place: the samples' places in the run, shape ``[batch]``, int64.
        counts: how many numbers each stream needs per sample.

    Returns:
        For each stream, shape ``[batch, count]``, float32, uniform in [0, 1).
    """
    start, keys = _start_and_keys(seed, tuple(counts), place.device)
    # The last step of the second hash only changes lower bits.
    hashed = _multiplied(_mixed(start + place * GOLDEN).unsqueeze(1) + keys)
    # The upper 24 bits, which float32 holds exactly.
    return _shifted(hashed, 40).float().mul_(2.0**-24).split(list(counts), 1)


@lru_cache(maxsize=8)
def _start_and_keys(
    seed: int, counts: tuple[int, ...], device: torch.device
) -> tuple[Tensor, Tensor]:
    """Compute what is the same for all batches."""
    numbers = [
        torch.arange(count, device=device) + (stream << STREAM_BITS)
        for stream, count in enumerate(counts)
    ]
    start = torch.full((1,), (seed + 2**63) % 2**64 - 2**63, device=device)
    return _mixed(start), torch.cat(numbers) * GOLDEN


def _mixed(bits: Tensor) -> Tensor:
    bits = _multiplied(bits)
    return _shifted(bits, 31).bitwise_xor_(bits)


def _multiplied(bits: Tensor) -> Tensor:
    # int64 arithmetic wraps around like that of unsigned integers.
    bits = _shifted(bits, 30).bitwise_xor_(bits).mul_(FIRST)
    return _shifted(bits, 27).bitwise_xor_(bits).mul_(SECOND)


def _shifted(bits: Tensor, by: int) -> Tensor:
    # Shift in zeros; torch would copy the sign into the upper bits.
    return (bits >> by).bitwise_and_(2 ** (64 - by) - 1)
