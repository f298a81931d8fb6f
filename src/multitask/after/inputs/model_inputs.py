"""The inputs of a trained model, according to its checkpoint."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from multitask.after.inputs.base import WrittenInput
from multitask.after.inputs.told_inputs import told_inputs
from multitask.after.metadata import format_of
from multitask.errors import InputError
from multitask.images.format import ImageFormat
from multitask.module import MultiTask
from multitask.pages.words import listed
from multitask.training.encoder_inputs import encoder_of

IMAGE = "image"


class ModelInputs:
    """The inputs of a trained model: images, and inputs that users write.

    A subclass sets the attributes.

    Attributes:
        model: the model.
        description: see `multitask.training.description.describe`.
        source: origin of the model, for messages.
        trust: whether the description may name any class.
    """

    model: MultiTask
    description: Mapping[str, Any]
    source: Path | str
    trust: bool

    @property
    def takes(self) -> list[str]:
        """Names of its inputs, in the encoder's order."""
        return list(self.model.inputs)

    @property
    def format(self) -> ImageFormat:
        """The image format of a model whose only input is an image.

        Raises:
            InputError: if the model has other inputs.
        """
        others = [name for name in self.model.inputs if name != IMAGE]
        if others:
            raise InputError(
                f"{self.source} accepts {listed(self.model.inputs)}; this works for models of "
                "images alone"
            )
        format = self.image_format
        assert format is not None
        return format

    @cached_property
    def image_format(self) -> ImageFormat | None:
        """The image format of the model; None if it has no image input.

        Raises:
            InputError: if its images cannot be read from image files.
        """
        if IMAGE not in self.model.inputs:
            return None
        image = self.description["inputs"].get(IMAGE)
        if image is None:
            raise InputError(
                f"{self.source} was trained on images with other values than an image file "
                "has (grey or colour, from 0 to 1); use multitask predict --ckpt_path=... "
                "with its data"
            )
        return format_of(image, str(self.source))

    @cached_property
    def written(self) -> dict[str, WrittenInput]:
        """The converters of inputs other than images, by name, in the model's order.

        Raises:
            InputError: if the checkpoint does not specify how an input is made.
        """
        made = told_inputs(self.description["inputs"], str(self.source), self.trust)
        names = [name for name in self.model.inputs if name != IMAGE]
        unknown = [name for name in names if name not in made]
        if unknown:
            raise InputError(
                f"{self.source} has the input '{unknown[0]}', but does not record what it is made "
                "of; use multitask predict --ckpt_path=... with its data"
            )
        return {name: made[name] for name in names}

    @property
    def takes_missing(self) -> bool:
        """Whether it predicts for samples that lack one of several inputs."""
        if len(self.model.inputs) == 1:
            return False
        # An ensemble has one encoder per member, and all have the same inputs.
        member = getattr(self.model, "members", [self.model])[0]
        return encoder_of(member.encoder).takes_missing

    def absent(self, names: Sequence[str], batch: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Inputs that are missing for all samples of a batch.

        Args:
            names: names of the inputs.
            batch: batch of which any entry has the number of samples, first axis ``[batch]``.
        """
        samples = len(next(iter(batch.values())))
        found = {name: each.missing(samples) for name, each in self.written.items()}
        if self.image_format is not None:
            found[IMAGE] = torch.full((samples, *self.image_format.shape), torch.nan)
        return {name: found[name] for name in names}

    def examples(self) -> dict[str, Tensor]:
        """Two samples that are as different as possible, to test the model with."""
        found = {name: each.examples() for name, each in self.written.items()}
        if self.image_format is not None:
            black = torch.zeros(1, *self.image_format.shape, dtype=torch.uint8)
            found[IMAGE] = torch.cat([black, ~black])
        return found
