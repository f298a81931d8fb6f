"""How wide a network must be to have as many parameters as another."""

from __future__ import annotations

from collections.abc import Callable

from torch import nn

from multitask.errors import InputError


def parameters(network: nn.Module) -> int:
    """The number of a network's parameters, frozen or not."""
    return sum(each.numel() for each in network.parameters())


def equal_width(
    make: Callable[[int], nn.Module],
    wanted: int,
    size: Callable[[nn.Module], int] = parameters,
    most: int = 2**16,
) -> int:
    """Find the width at which a network is as large as another, or as close to it as can be.

    So that sharing schemes are compared with hard sharing of the same size, and not of fewer
    parameters.

    Args:
        make: makes the network of a width; a wider one must not be smaller.
        wanted: the other network's size.
        size: of a network; default: its number of `parameters`.
        most: the largest width that is tried.

    Returns:
        The width, from 1 on; of two that are as close, the smaller one.

    Raises:
        InputError: if networks of width 1 are too large already, or none is large enough.
    """
    sizes: dict[int, int] = {}

    def size_of(width: int) -> int:
        if width not in sizes:
            sizes[width] = size(make(width))
        return sizes[width]

    if size_of(1) > wanted:
        raise InputError(
            f"a network of width 1 has the size {size_of(1):,}, more than the {wanted:,} that are "
            "wanted; let make take a setting with which it is smaller"
        )
    low, high = 1, 2
    while high <= most and size_of(high) < wanted:
        low, high = high, 2 * high
    if high > most:
        raise InputError(
            f"up to a width of {most:,}, none is of the size {wanted:,} (at {low:,} it is "
            f"{size_of(low):,}); let make give a larger network"
        )
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if size_of(middle) < wanted else (low, middle)
    return min((low, high), key=lambda width: (abs(size_of(width) - wanted), width))
