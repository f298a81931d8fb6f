"""A trained model with everything needed to use it, from its checkpoint alone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from multitask.after.device import usable_device
from multitask.after.inputs.model_inputs import IMAGE, ModelInputs
from multitask.checkpoints.calibrations import take_calibrations
from multitask.encoders import Encoder
from multitask.errors import InputError
from multitask.missing_labels import joined_rows
from multitask.module import MultiTask
from multitask.tokenizers import cut_to_longest, is_text
from multitask.training.description import take_names

if TYPE_CHECKING:
    from pandas import DataFrame

    from multitask.after.evaluating.evaluation import Results

BATCH = 256
"""Number of samples in a batch."""
__all__ = ["BATCH", "IMAGE", "TrainedModel"]


class TrainedModel(ModelInputs):
    """A model that predicts for new samples.

    Args:
        model: the model, which is put in evaluation mode.
        description: its inputs and outputs, see `multitask.training.description.describe`.
        transforms: transforms applied to images from 0 to 1 before the model.
        device: device of the model; default: a GPU if there is one.
        source: origin of the model, for messages.
        training_images: hashes that identify training images, ``[images]``, int64.
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
    def precision(self) -> torch.dtype:
        """Dtype of the model's parameters."""
        kinds = (each.dtype for each in self.model.parameters())
        return next((kind for kind in kinds if kind.is_floating_point), torch.float32)

    def inputs(self, pixels: Tensor) -> Tensor:
        """Convert decoded images to the input of a model with no other inputs, see `seen`.

        Args:
            pixels: uint8, shape ``[batch, channels, height, width]``.
        """
        (image,) = self.seen(pixels)
        return image

    def seen(self, made: Tensor | Mapping[str, Tensor]) -> list[Tensor]:
        """Convert decoded samples to inputs of the model.

        Args:
            made: values by input: decoded images, uint8, ``[batch, channels, height, width]``, see
                `image_format`, or from 0 to 1, NaN if missing; and the results of `written`. The
                name may be omitted for a model whose only input is an image.

        Returns:
            Inputs in the order of the encoder, on the model's device; images are transformed.
        """
        named = {IMAGE: made} if isinstance(made, Tensor) else made
        return [self._seen(name, named[name].to(self.device)) for name in self.model.inputs]

    def _seen(self, name: str, values: Tensor) -> Tensor:
        if name != IMAGE:
            values = cut_to_longest(values) if is_text(values) else values
            return values.to(self.precision) if values.is_floating_point() else values
        is_bytes = values.dtype == torch.uint8
        image = values.to(self.precision)
        return self.transforms(image.div_(255) if is_bytes else image)

    @torch.inference_mode()
    def __call__(self, made: Tensor | Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Predict from decoded and converted samples.

        Args:
            made: see `seen`.

        Returns:
            By task, class probabilities or numbers in original units, followed by their
            uncertainty, see `multitask.tasks.predictions.predicted`; first axis ``[batch]``.
        """
        return self.model.predict(*self.seen(made))

    @torch.inference_mode()
    def embed(self, made: Tensor | Mapping[str, Tensor]) -> Tensor:
        """Compute the representation that the tasks share.

        Args:
            made: see `seen`.

        Returns:
            Shape ``[batch, features]``; maps and tokens are averaged.
        """
        return self.embed_inputs(*self.seen(made))

    @torch.inference_mode()
    def embed_inputs(self, *inputs: Tensor) -> Tensor:
        """Compute the representation from the model's inputs, see `embed`.

        Args:
            inputs: transformed inputs, in the order of the encoder; first axis ``[batch]``.
        """
        moved = [each.to(self.device) for each in inputs]
        return self._vector(self.model.encoder(*moved))

    @torch.inference_mode()
    def predicted_and_embedded(
        self, made: Tensor | Mapping[str, Tensor]
    ) -> tuple[dict[str, Tensor], Tensor]:
        """Predict, and return the representation, computed once: see `__call__` and `embed`.

        Args:
            made: see `seen`.
        """
        found: list[Any] = []
        hook = self.model.encoder.register_forward_hook(lambda *each: found.append(each[2]))
        try:
            predictions = self.model.predict(*self.seen(made))
        finally:
            hook.remove()
        return predictions, self._vector(found[0])

    def _vector(self, found: Any) -> Tensor:
        trunk = self.model.encoder
        form = next(each for each in trunk.modules() if isinstance(each, Encoder)).form
        several = [found]
        if not isinstance(trunk, Encoder):
            # A trunk returns several: one per column, or those of the experts in a mixture.
            several = list(found.values()) if isinstance(found, dict) else several
            several = list(found) if isinstance(found, list | tuple) else several
        return torch.cat([form.vector(each) for each in several], 1)

    def evaluate(self, table: Path | str, resamples: int = 2000, **options: Any) -> Results:
        """Compute the metrics on a labelled table, with their intervals.

        Args:
            table: a file or a folder, see `multitask.data.Table`.
            resamples: see `multitask.after.evaluating.bootstrap.resampled`.
            options: options of `multitask.after.labelled_table.labelled_table`.

        Raises:
            InputError: if the table cannot be read, or contains no task's targets.
        """
        from multitask.after.evaluating.evaluation import evaluate
        from multitask.after.labelled_table import labelled_table

        return evaluate(self, labelled_table(self, Path(table), **options), resamples)

    def predict(self, samples: Any, batch_size: int = BATCH) -> DataFrame:
        """Predict for images, texts, numbers, or several of them together.

        Args:
            samples: one or several samples, see `multitask.after.inputs.samples.made_batches`.
                Images are paths, Pillow images or arrays; texts are strings; numbers and categories
                are a dictionary by column. For a model with several inputs, a sample is a
                dictionary by input, without those that are missing. A DataFrame has the columns
                used in training.
            batch_size: number of samples per batch.

        Returns:
            One row per sample, in order: every task in original units, classes by name with all
            their probabilities, maps as arrays in the cells of one column.

        Raises:
            InputError: if a sample cannot be read, with its name.
        """
        from multitask.after.inputs.samples import made_batches
        from multitask.after.predicting.prediction_columns import frame_of

        if batch_size < 1:
            raise InputError(f"batch_size is {batch_size}; give at least 1")
        parts: list[dict[str, Tensor]] = []
        for batch in made_batches(self, samples, batch_size):
            parts.append({name: each.cpu() for name, each in self(batch).items()})
        joined = {name: joined_rows([each[name] for each in parts]) for name in parts[0]}
        return frame_of(self.model.named_tasks, joined)
