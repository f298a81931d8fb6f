"""Interface of a model with inputs; importing it does not require PyTorch."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Protocol

from multitask.images.format import ImageFormat

if TYPE_CHECKING:
    from multitask.after.inputs.base import WrittenInput


class Taker(Protocol):
    """A model with inputs, see `multitask.after.trained_model.TrainedModel`."""

    @property
    def takes(self) -> list[str]:
        """Names of its inputs."""

    @property
    def image_format(self) -> ImageFormat | None:
        """The image format; None if there is no image input."""

    @property
    def written(self) -> Mapping[str, WrittenInput]:
        """The converters of its other inputs."""

    @property
    def takes_missing(self) -> bool:
        """Whether it predicts for samples that lack one of its inputs."""
