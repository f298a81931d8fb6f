"""An encoder to whose weights the learned changes are added."""

from __future__ import annotations

from typing import Any

from multitask.checkpoints.source import OWN
from multitask.encoders.base import Encoder
from multitask.encoders.low_rank import LowRank
from multitask.errors import InputError


class Merged(Encoder):
    """The encoder within a `LowRank`, with the changes added to its weights, all of which learn.

    What is made is that encoder itself, which computes what the `LowRank` did, without its layers'
    second matrices. Use it to continue from a run of low rank: ``Merged`` of `FromRun`.

    Args:
        encoder: a `LowRank`, also one that `FromRun` has made.

    Raises:
        InputError: if the encoder is not a `LowRank`.
    """

    def __new__(cls, encoder: Encoder) -> Any:
        """Return the encoder in place of one of this class."""
        if not isinstance(encoder, LowRank) and OWN.get() is not None:
            # It is this run's own, which `FromRun` has read from the run's checkpoint.
            return encoder
        if not isinstance(encoder, LowRank):
            raise InputError(
                f"Merged: the encoder {type(encoder).__name__} has no changes of low rank; give "
                "one that has, or leave Merged out"
            )
        return encoder.merged()

    def __init__(self, encoder: Encoder) -> None:
        """Never called; it shows what can be set."""

    def forward(self, *inputs: Any, **options: Any) -> Any:
        """Never called, see `Merged`."""
        raise TypeError("Merged makes another encoder, and encodes nothing itself")
