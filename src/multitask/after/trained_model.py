"""A trained model and all that is needed to use it, from its checkpoint alone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from multitask.after.device import usable_device
from multitask.after.inputs.base import WrittenInput
from multitask.after.inputs.told_inputs import told_inputs
from multitask.after.metadata import format_of
from multitask.checkpoints.calibrations import take_calibrations
from multitask.encoders import Encoder
from multitask.errors import InputError
from multitask.images.format import ImageFormat
from multitask.labels import joined_rows
from multitask.module import MultiTask
from multitask.pages.words import listed
from multitask.tokenizers import cut_to_longest, is_text
from multitask.training.description import take_names

if TYPE_CHECKING:
    from pandas import DataFrame

    from multitask.after.evaluating.evaluation import Results

BATCH = 256
"""Samples that go through the model at a time."""
IMAGE = "image"


class TrainedModel:
    """A model that predicts for new samples.

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
        """What makes the inputs that are no images, by name, in the model's order.

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
        members = getattr(self.model, "members", None)
        encoder = self.model.encoder if members is None else members[0].encoder
        return next(each for each in encoder.modules() if isinstance(each, Encoder)).takes_missing

    @property
    def precision(self) -> torch.dtype:
        """Dtype of the model's parameters."""
        kinds = (each.dtype for each in self.model.parameters())
        return next((kind for kind in kinds if kind.is_floating_point), torch.float32)

    @property
    def takes(self) -> list[str]:
        """Names of its inputs, in the encoder's order."""
        return list(self.model.inputs)

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
        """Two samples as different as they may be, by which to try the model; see `seen`."""
        found = {name: each.examples() for name, each in self.written.items()}
        if self.image_format is not None:
            black = torch.zeros(1, *self.image_format.shape, dtype=torch.uint8)
            found[IMAGE] = torch.cat([black, ~black])
        return found

    def inputs(self, pixels: Tensor) -> Tensor:
        """What a model of images alone sees of decoded ones, see `seen`.

        Args:
            pixels: uint8, shape ``[batch, channels, height, width]``.
        """
        (image,) = self.seen(pixels)
        return image

    def seen(self, made: Tensor | Mapping[str, Tensor]) -> list[Tensor]:
        """What the model sees.

        Args:
            made: by input: decoded images, uint8, ``[batch, channels, height, width]``, see
                `image_format`, or from 0 to 1, NaN where missing; and what `written` makes. The
                images of a model that takes nothing else need no name.

        Returns:
            In the order of the encoder's inputs, on the model's device; images transformed.
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
        """Predict for what has been decoded and made.

        Args:
            made: see `seen`.

        Returns:
            By task, class probabilities or numbers in original units, and behind them how
            uncertain they are, see `multitask.tasks.predictions.predicted`; first axis ``[batch]``.
        """
        return self.model.predict(*self.seen(made))

    @torch.inference_mode()
    def embed(self, made: Tensor | Mapping[str, Tensor]) -> Tensor:
        """The representation that the tasks share.

        Args:
            made: see `seen`.

        Returns:
            Shape ``[batch, features]``: maps and tokens as their means.
        """
        return self.embed_inputs(*self.seen(made))

    @torch.inference_mode()
    def embed_inputs(self, *inputs: Tensor) -> Tensor:
        """The representation of what the model takes, see `embed`.

        Args:
            inputs: transformed, in the order of the encoder's inputs; first axis ``[batch]``.
        """
        moved = [each.to(self.device) for each in inputs]
        return self._vector(self.model.encoder(*moved))

    @torch.inference_mode()
    def predicted_and_embedded(
        self, made: Tensor | Mapping[str, Tensor]
    ) -> tuple[dict[str, Tensor], Tensor]:
        """Predict, and give the representation, computed once: see `__call__` and `embed`.

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

    def predict(self, samples: Any, batch_size: int = BATCH) -> DataFrame:
        """Predict for images, texts, numbers, or several of them together.

        Args:
            samples: one or several, see `multitask.after.inputs.samples.made_batches`. Images are
                paths, Pillow images or arrays; texts are texts; numbers and categories a dictionary
                by column. Of a model with several inputs a sample is a dictionary by input, and one
                that is missing is left out. A DataFrame has the columns that training had.
            batch_size: samples that go through the model at a time.

        Returns:
            A row for each sample, in their order: every task in original units, classes by name
            with all their probabilities, maps as arrays in the cells of one column.

        Raises:
            InputError: if a sample cannot be read, naming it.
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
