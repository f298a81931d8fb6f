"""A trained model and all that is needed to use it, from its checkpoint alone."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor, nn

from multitask.after.device import usable_device
from multitask.after.metadata import format_of
from multitask.after.new_images import NewImage, pixels_of
from multitask.checkpoints.calibrations import take_calibrations
from multitask.encoders import Encoder
from multitask.errors import InputError
from multitask.images.format import ImageFormat
from multitask.images.ordered_threads import in_order
from multitask.module import MultiTask
from multitask.pages.words import listed
from multitask.training.description import take_names

if TYPE_CHECKING:
    from pandas import DataFrame

    from multitask.after.evaluating.evaluation import Results

BATCH = 256
"""Images that go through the model at a time."""
AXES_OF_SEVERAL = 4


class TrainedModel:
    """A model that predicts for new images.

    Args:
        model: the model; it is put into evaluation mode.
        description: what it takes and gives, see `multitask.training.description.describe`.
        transforms: what images from 0 to 1 pass before the model.
        device: where it computes; default: a GPU if there is one.
        source: what the model was read from, for messages.
        training_images: numbers by which training images are known again, ``[images]``, int64.
        trust: whether the description may name any class.
    """

    def __init__(
        self,
        model: MultiTask,
        description: Mapping[str, Any],
        transforms: Sequence[nn.Module] = (),
        device: torch.device | str | None = None,
        source: Path | str = "the model",
        training_images: Tensor | None = None,
        trust: bool = False,
    ) -> None:
        self.device = usable_device(device)
        self.model = model.eval().requires_grad_(False).to(self.device)
        self.transforms = nn.Sequential(*transforms).eval().to(self.device)
        self.description, self.source = description, source
        for name in model.named_tasks:
            if name not in description["tasks"]:
                raise InputError(f"{source}: its description is damaged: it has no task '{name}'")
        take_names(model.named_tasks, description["tasks"])
        try:
            take_calibrations(model.named_tasks, description["tasks"])
        except InputError as error:
            raise InputError(f"{source}: its description is damaged: {error}") from error
        self.training_images, self.trust = training_images, trust

    @property
    def format(self) -> ImageFormat:
        """What an image becomes for the model.

        Raises:
            InputError: if the model takes something other than an image file can give.
        """
        others = [name for name in self.model.inputs if name != "image"]
        if others:
            raise InputError(
                f"{self.source} takes {listed(self.model.inputs)}, and an image file gives "
                "an image alone; use multitask predict --ckpt_path=... with data that have all"
            )
        image = self.description["inputs"].get("image")
        if image is None:
            raise InputError(
                f"{self.source} was trained on images of other numbers than those that an image "
                "file holds (grey or colour, from 0 to 1); use multitask predict --ckpt_path=... "
                "with its data"
            )
        return format_of(image, str(self.source))

    @property
    def precision(self) -> torch.dtype:
        """Dtype of the model's parameters."""
        kinds = (each.dtype for each in self.model.parameters())
        return next((kind for kind in kinds if kind.is_floating_point), torch.float32)

    def inputs(self, pixels: Tensor) -> Tensor:
        """What the model sees of decoded images.

        Args:
            pixels: uint8, shape ``[batch, channels, height, width]``, see `format`.

        Returns:
            Floating, on the model's device, transformed.
        """
        image = pixels.to(self.device, self.precision).div_(255)
        return self.transforms(image)

    @torch.inference_mode()
    def __call__(self, pixels: Tensor) -> dict[str, Tensor]:
        """Predict for decoded images.

        Args:
            pixels: see `inputs`.

        Returns:
            By task, class probabilities or numbers in original units, and behind them how
            uncertain they are, see `multitask.tasks.predictions.predicted`; first axis ``[batch]``.
        """
        return self.model.predict(self.inputs(pixels))

    @torch.inference_mode()
    def embed(self, pixels: Tensor) -> Tensor:
        """The representation that the tasks share.

        Args:
            pixels: see `inputs`.

        Returns:
            Shape ``[batch, features]``: maps and tokens as their means.
        """
        return self.embed_inputs(self.inputs(pixels))

    @torch.inference_mode()
    def embed_inputs(self, *inputs: Tensor) -> Tensor:
        """The representation of what the model takes, see `embed`.

        Args:
            inputs: transformed, in the order of the encoder's inputs; first axis ``[batch]``.
        """
        moved = [each.to(self.device) for each in inputs]
        return self._vector(self.model.encoder(*moved))

    @torch.inference_mode()
    def predicted_and_embedded(self, pixels: Tensor) -> tuple[dict[str, Tensor], Tensor]:
        """Predict, and give the representation, computed once: see `__call__` and `embed`.

        Args:
            pixels: see `inputs`.
        """
        found: list[Any] = []
        hook = self.model.encoder.register_forward_hook(lambda *each: found.append(each[2]))
        try:
            predictions = self.model.predict(self.inputs(pixels))
        finally:
            hook.remove()
        return predictions, self._vector(found[0])

    def _vector(self, found: Any) -> Tensor:
        trunk = self.model.encoder
        form = next(each for each in trunk.modules() if isinstance(each, Encoder)).form
        several = [found]
        if not isinstance(trunk, Encoder):
            # A trunk returns several: of columns each one's, of a mixture also the experts'.
            several = list(found.values()) if isinstance(found, dict) else several
            several = list(found) if isinstance(found, list | tuple) else several
        return torch.cat([form.vector(each) for each in several], 1)

    def evaluate(self, table: Path | str, resamples: int = 2000, **options: Any) -> Results:
        """Compute the metrics of a labelled table, with their intervals.

        Args:
            table: a file or a folder, see `multitask.data.Table`.
            resamples: see `multitask.after.evaluating.bootstrap.resampled`.
            options: of `multitask.after.labelled_table.labelled_table`.

        Raises:
            InputError: if the table cannot be read, or holds the targets of no task.
        """
        from multitask.after.evaluating.evaluation import evaluate
        from multitask.after.labelled_table import labelled_table

        return evaluate(self, labelled_table(self, Path(table), **options), resamples)

    def predict(self, images: NewImage | Iterable[NewImage], batch_size: int = BATCH) -> DataFrame:
        """Predict for image files, Pillow images or arrays.

        Args:
            images: one or several: paths, Pillow images, or arrays or tensors of shape
                ``[height, width]``, ``[height, width, channels]`` or ``[channels, height, width]``,
                bytes from 0 to 255 or floats from 0 to 1. Each may have a size of its own; several
                of one size may be one array, with one axis more in front of those three.
            batch_size: images that go through the model at a time.

        Returns:
            A row for each image, in their order: every task in original units, classes by name
            with all their probabilities, maps as arrays in the cells of one column.

        Raises:
            InputError: if an image cannot be read, naming it.
        """
        from multitask.after.predicting.prediction_columns import frame_of

        if batch_size < 1:
            raise InputError(f"batch_size is {batch_size}; give at least 1")
        several: Iterable[Any] = [images] if _is_one(images) else images  # type: ignore[assignment]
        format = self.format
        decoded = in_order(
            lambda each: pixels_of(each[1], format, each[0]), enumerate(several), 2 * batch_size
        )
        parts: list[dict[str, Tensor]] = []
        while batch := list(islice(decoded, batch_size)):
            found = self(torch.from_numpy(np.stack(batch)))
            parts.append({name: each.cpu() for name, each in found.items()})
        if not parts:
            raise InputError("there are no images to predict for; give at least one")
        joined = {name: torch.cat([each[name] for each in parts]) for name in parts[0]}
        return frame_of(self.model.named_tasks, joined)


def _is_one(images: Any) -> bool:
    # Arrays and Pillow images are iterable, or have a length, themselves.
    if isinstance(images, np.ndarray | Tensor):
        return images.ndim < AXES_OF_SEVERAL
    return not isinstance(images, list | tuple) and (
        isinstance(images, str | Path) or hasattr(images, "mode") or hasattr(images, "read")
    )
