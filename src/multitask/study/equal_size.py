"""The width at which a network has the same number of parameters as another."""

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
    """Find the width at which a network's size equals another's, or comes closest to it.

    With this, sharing schemes are compared with hard sharing of the same size instead of with a
    smaller network.

    Args:
        make: makes the network of a given width; a wider one must not be smaller.
        wanted: size of the other network.
        size: size of a network; default: its number of `parameters`.
        most: largest width to try.

    Returns:
        The width, at least 1; of two equally close widths, the smaller one.

    Raises:
        InputError: if a network of width 1 is already too large, or no network is large enough.
    """
    sizes: dict[int, int] = {}

    def size_of(width: int) -> int:
        if width not in sizes:
            sizes[width] = size(make(width))
        return sizes[width]

    if size_of(1) > wanted:
        raise InputError(
            f"a network of width 1 has the size {size_of(1):,}, more than the {wanted:,} "
            "requested; let make return a smaller network"
        )
    low, high = 1, 2
    while high <= most and size_of(high) < wanted:
        low, high = high, 2 * high
    if high > most:
        raise InputError(
            f"up to a width of {most:,}, no network has the size {wanted:,} (at {low:,} it is "
            f"{size_of(low):,}); let make return a larger network"
        )
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if size_of(middle) < wanted else (low, middle)
    return min((low, high), key=lambda width: (abs(size_of(width) - wanted), width))
