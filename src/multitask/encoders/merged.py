"""An encoder with its low-rank updates added to its weights."""

from __future__ import annotations

from typing import Any

from multitask.checkpoints.source import OWN
from multitask.encoders.base import Encoder
from multitask.encoders.low_rank import LowRank
from multitask.errors import InputError


class Merged(Encoder):
    """The encoder within a `LowRank`, with the updates added to its weights, all trainable.

    The result is that encoder itself. Its outputs are those of the `LowRank`, without additional
    matrices in its layers. Use it to continue from a low-rank run: ``Merged`` of `FromRun`.

    Args:
        encoder: a `LowRank`, which may come from `FromRun`.

    Raises:
        InputError: if the encoder is not a `LowRank`.
    """

    def __new__(cls, encoder: Encoder) -> Any:
        """Return the encoder instead of an instance of this class."""
        if not isinstance(encoder, LowRank) and OWN.get() is not None:
            # This run's own checkpoint, which `FromRun` has read.
            return encoder
        if not isinstance(encoder, LowRank):
            raise InputError(
                f"Merged: the encoder {type(encoder).__name__} has no low-rank changes; give "
                "one that has, or remove Merged"
            )
        return encoder.merged()

    def __init__(self, encoder: Encoder) -> None:
        """Never called; it declares the settings."""

    def forward(self, *inputs: Any, **options: Any) -> Any:
        """Never called, see `Merged`."""
        raise TypeError("Merged creates another encoder, and does not encode anything itself")
