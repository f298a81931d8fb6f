"""What takes inputs; importing it needs no PyTorch."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Protocol

from multitask.images.format import ImageFormat

if TYPE_CHECKING:
    from multitask.after.inputs.base import WrittenInput


class Taker(Protocol):
    """A model that takes inputs, see `multitask.after.trained_model.TrainedModel`."""

    @property
    def takes(self) -> list[str]:
        """Names of its inputs."""

    @property
    def image_format(self) -> ImageFormat | None:
        """What an image becomes for it; None if it takes none."""

    @property
    def written(self) -> Mapping[str, WrittenInput]:
        """What makes its other inputs."""

    @property
    def takes_missing(self) -> bool:
        """Whether it predicts for samples that lack one of its inputs."""
