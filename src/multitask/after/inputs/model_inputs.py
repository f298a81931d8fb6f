"""What a trained model takes, by what its checkpoint tells."""

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
    """The inputs of a trained model: images, and what people write.

    A subclass sets the attributes.

    Attributes:
        model: the model.
        description: see `multitask.training.description.describe`.
        source: what the model was read from, for messages.
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
        """What an image becomes for a model that takes images alone.

        Raises:
            InputError: if the model takes anything else.
        """
        others = [name for name in self.model.inputs if name != IMAGE]
        if others:
            raise InputError(
                f"{self.source} takes {listed(self.model.inputs)}; this works for models of images "
                "alone"
            )
        format = self.image_format
        assert format is not None
        return format

    @cached_property
    def image_format(self) -> ImageFormat | None:
        """What an image becomes for the model; None if it takes none.

        Raises:
            InputError: if it takes images that no file holds.
        """
        if IMAGE not in self.model.inputs:
            return None
        image = self.description["inputs"].get(IMAGE)
        if image is None:
            raise InputError(
                f"{self.source} was trained on images of other numbers than those that an image "
                "file holds (grey or colour, from 0 to 1); use multitask predict --ckpt_path=... "
                "with its data"
            )
        return format_of(image, str(self.source))

    @cached_property
    def written(self) -> dict[str, WrittenInput]:
        """What makes the inputs that are not images, by name, in the model's order.

        Raises:
            InputError: if the checkpoint does not tell how one is made.
        """
        made = told_inputs(self.description["inputs"], str(self.source), self.trust)
        names = [name for name in self.model.inputs if name != IMAGE]
        unknown = [name for name in names if name not in made]
        if unknown:
            raise InputError(
                f"{self.source} takes the input '{unknown[0]}', and does not tell what it is made "
                "of; use multitask predict --ckpt_path=... with its data"
            )
        return {name: made[name] for name in names}

    @property
    def takes_missing(self) -> bool:
        """Whether it predicts for samples that lack one of its several inputs."""
        if len(self.model.inputs) == 1:
            return False
        # An ensemble has an encoder for each member, which take the same.
        member = getattr(self.model, "members", [self.model])[0]
        return encoder_of(member.encoder).takes_missing

    def absent(self, names: Sequence[str], batch: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Inputs that are missing for all samples of a batch.

        Args:
            names: of the inputs.
            batch: any entry tells how many samples there are, first axis ``[batch]``.
        """
        samples = len(next(iter(batch.values())))
        found = {name: each.missing(samples) for name, each in self.written.items()}
        if self.image_format is not None:
            found[IMAGE] = torch.full((samples, *self.image_format.shape), torch.nan)
        return {name: found[name] for name in names}

    def examples(self) -> dict[str, Tensor]:
        """Two samples as different as they may be, by which to try the model."""
        found = {name: each.examples() for name, each in self.written.items()}
        if self.image_format is not None:
            black = torch.zeros(1, *self.image_format.shape, dtype=torch.uint8)
            found[IMAGE] = torch.cat([black, ~black])
        return found
