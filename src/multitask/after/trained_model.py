"""A trained model and all that is needed to use it, from its checkpoint alone."""

from __future__ import annotations

import copy
from collections.abc import Iterable, Mapping, Sequence
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor, nn

from multitask.after.metadata import check_description, format_of
from multitask.after.new_images import NewImage, pixels_of
from multitask.checkpoints.format import KEY, TRAINING_IMAGES
from multitask.checkpoints.reading import explained, read_checkpoint
from multitask.configuration.classes import accepted
from multitask.configuration.objects import check_entries
from multitask.configuration.settings import described
from multitask.configuration.trust import known_imports_only
from multitask.encoders import Encoder
from multitask.errors import InputError
from multitask.images.format import ImageFormat
from multitask.images.ordered_threads import in_order
from multitask.module import MultiTask
from multitask.training.description import take_names
from multitask.training.memory_limit import MemoryLimit

if TYPE_CHECKING:
    from pandas import DataFrame

    from multitask.after.evaluating.evaluation import Results

BATCH = 256
"""Images that go through the model at a time."""
AXES_OF_SEVERAL = 4
STRANGER = "whoever made the checkpoint: give --trust, or trust=True in Python"


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
        chosen = device or ("cuda" if torch.cuda.is_available() else "cpu")
        self.device = torch.device(chosen)
        self.model = model.eval().requires_grad_(False).to(self.device)
        self.transforms = nn.Sequential(*transforms).eval().to(self.device)
        self.description, self.source = description, source
        for name in model.named_tasks:
            if name not in description["tasks"]:
                raise InputError(f"{source}: its description is damaged: it has no task '{name}'")
        take_names(model.named_tasks, description["tasks"])
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
                f"{self.source} takes {' and '.join(self.model.inputs)}, and an image file gives "
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
            By task, class probabilities or numbers in original units, first axis ``[batch]``.
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


def load(
    checkpoint: Path | str,
    trust: bool = False,
    device: torch.device | str | None = None,
    transforms: Sequence[nn.Module] | None = None,
) -> TrainedModel:
    """Read a trained model, with all that is needed to use it.

    Args:
        checkpoint: path of the file, such as ``runs/.../checkpoints/best.ckpt``; it may lie
            anywhere. Or of a folder that ``multitask export --format=hub`` wrote.
        trust: whether the checkpoint may name any class, as which it can run any code; if not,
            those of well-known packages: see docs/security.md.
        device: where the model computes; default: a GPU if there is one.
        transforms: in place of those of the checkpoint.

    Raises:
        InputError: if the file is no checkpoint, does not tell what its model takes, or names a
            class of another package without ``trust``.
    """
    path = Path(checkpoint)
    read = _of_folder if path.is_dir() else _of_file
    model, description, training_images = read(path, trust)
    if transforms is None:
        transforms = _transforms(description, path, trust)
    return TrainedModel(model, description, transforms, device, path, training_images, trust)


Read = tuple[MultiTask, Mapping[str, Any], Tensor | None]
"""A model, what it takes and gives, and the numbers of its training images."""


def _of_folder(path: Path, trust: bool) -> Read:
    from multitask.after.hub.hub_reading import read_hub_folder

    return (*read_hub_folder(path, trust), None)


def _of_file(path: Path, trust: bool) -> Read:
    try:
        content = read_checkpoint(path)
    except InputError as error:
        raise InputError(f"{path}: {error}") from error
    description = _description(content, path, trust)
    with MemoryLimit():
        model = MultiTask.load_from_checkpoint(path, map_location="cpu", trust=trust)
    return model, description, _training_images(content)


def _training_images(content: Mapping[str, Any]) -> Tensor | None:
    stamp = content.get(KEY)
    found = stamp.get(TRAINING_IMAGES) if isinstance(stamp, dict) else None
    is_known = isinstance(found, Tensor) and found.dtype == torch.int64 and found.ndim == 1
    return found if is_known else None


def _description(content: Mapping[str, Any], path: Path, trust: bool) -> Mapping[str, Any]:
    from multitask.after.older_checkpoints import description_beside

    stamp = content.get(KEY)
    found = stamp.get("description") if isinstance(stamp, dict) else None
    if found is None:
        return description_beside(path, content, trust)
    check_description(found, str(path))
    return found


class _Transforms:
    def __init__(self, transforms: Sequence[nn.Module] = ()) -> None:
        self.transforms = transforms


def _transforms(description: Mapping[str, Any], path: Path, trust: bool) -> Sequence[nn.Module]:
    from jsonargparse import ArgumentParser

    # Whoever makes objects from recipes changes them.
    recipes = copy.deepcopy(description.get("transforms"))
    if recipes is None:
        raise InputError(
            f"{path} does not tell how its images were transformed, since they were transformed by "
            "an object that does not show how it was made; pass transforms=... to multitask.load"
        )
    if not recipes:
        return ()
    parser = ArgumentParser(exit_on_error=False)
    parser.add_class_arguments(_Transforms, "made")
    with explained(f"{path}: its transforms cannot be made"):
        if trust:
            made = parser.instantiate(parser.parse_object({"made": {"transforms": recipes}}))
            return made.made.transforms
        with known_imports_only():
            told = described({"transforms": recipes}, str(path), STRANGER)
            check_entries(told.entries, accepted(_Transforms), "the model", ("data",))
            made = parser.instantiate(parser.parse_object({"made": {"transforms": recipes}}))
            return made.made.transforms


def _is_one(images: Any) -> bool:
    # Arrays and Pillow images are iterable, or have a length, themselves.
    if isinstance(images, np.ndarray | Tensor):
        return images.ndim < AXES_OF_SEVERAL
    return not isinstance(images, list | tuple) and (
        isinstance(images, str | Path) or hasattr(images, "mode") or hasattr(images, "read")
    )
