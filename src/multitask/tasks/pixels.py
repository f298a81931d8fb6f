"""Functions shared by tasks with a target for each pixel."""

from __future__ import annotations

from torch import Tensor

from multitask.errors import InputError


def pixels_of(maps: Tensor) -> Tensor:
    """Reshape maps to one row for each pixel.

    Args:
        maps: shape ``[batch, channels, height, width]``.

    Returns:
        Shape ``[batch * height * width, channels]``.
    """
    return maps.movedim(1, -1).flatten(0, 2)


def check_same_size(output: Tensor, target: Tensor) -> None:
    """Reject outputs whose size differs from that of their targets.

    Args:
        output: shape ``[batch, channels, height, width]``.
        target: the last two axes are the height and width.

    Raises:
        InputError: reports both sizes.
    """
    if output.ndim != 4 or output.shape[2:] != target.shape[-2:]:
        found = "x".join(map(str, output.shape[2:])) or "no map"
        wanted = "x".join(map(str, target.shape[-2:]))
        raise InputError(
            f"its head returns {found}, but its targets are {wanted} pixels; choose images whose "
            "sides are multiples of the encoder's finest stride, or a head that returns maps of "
            "that size"
        )
