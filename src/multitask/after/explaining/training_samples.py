"""The training samples that are searched for the nearest."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from multitask.after.explaining.networks import seen_by
from multitask.after.image_table import new_images
from multitask.after.labelled_samples import own_samples
from multitask.after.trained_model import IMAGE, TrainedModel
from multitask.errors import InputError
from multitask.images.decoding import UnusableImage, decode


@dataclass(frozen=True)
class TrainingSamples:
    """Training samples, accessed by index.

    Args:
        count: number of samples.
        name: display name of a sample; includes its content if it is not an image.
        read: returns the indices of the readable samples, and the model's inputs for them, in
            order.
        unreadable: sentences about samples that could not be read so far.
        pixels: images by index, ``[images, channels, height, width]``, uint8 or floating; None if
            the model has other inputs.
    """

    count: int
    name: Callable[[int], str]
    read: Callable[[Tensor], tuple[Tensor, list[Tensor]]]
    unreadable: Callable[[], list[str]]
    pixels: Callable[[Tensor], Tensor] | None


def image_files(trained: TrainedModel, source: str) -> TrainingSamples:
    """The images of a folder or a table.

    Args:
        trained: the model.
        source: source of the images, see `multitask.after.image_table.new_images`.

    Raises:
        InputError: if it does not exist, or contains no image.
    """
    listed = new_images([source])
    reasons = {place: f"{listed.names[place]}: {why}" for place, why in listed.problems.items()}

    def decoded(places: Tensor) -> tuple[Tensor, Tensor]:
        kept, pixels = [], []
        for place in places.tolist():
            path = listed.paths[place]
            if path is None:
                continue
            try:
                pixels.append(decode(Path(path), trained.format)[0])
                kept.append(place)
            except (UnusableImage, OSError) as error:
                reasons[place] = f"{listed.names[place]}: {error}"
        images = np.stack(pixels) if pixels else np.empty(0, np.uint8)
        return torch.tensor(kept, dtype=torch.long), torch.from_numpy(images)

    def unreadable() -> list[str]:
        if not reasons:
            return []
        first = next(iter(reasons.values()))
        what = "1 training image" if len(reasons) == 1 else f"{len(reasons):,} training images"
        return [f"{what} cannot be read: {first}" + ("; ..." if len(reasons) > 1 else "")]

    def read(places: Tensor) -> tuple[Tensor, list[Tensor]]:
        kept, images = decoded(places)
        return kept, seen_by(trained, images) if len(kept) else []

    return TrainingSamples(
        len(listed),
        lambda at: listed.names[at],
        read,
        unreadable,
        lambda places: decoded(places)[1],
    )


def own_training(trained: TrainedModel) -> TrainingSamples:
    """The training set of the checkpoint's own run.

    Args:
        trained: a model whose checkpoint is in its run's folder.

    Raises:
        InputError: if the run or its data do not exist.
    """
    is_of_images = list(trained.model.inputs) == [IMAGE]
    try:
        samples = own_samples(trained, "train", None)
    except InputError as error:
        other = ", or --training=FOLDER with the training images" if is_of_images else ""
        raise InputError(f"{error}{other}") from error
    split = samples.split

    def read(places: Tensor) -> tuple[Tensor, list[Tensor]]:
        if is_of_images:
            return places, seen_by(trained, split.images(places))
        return places, seen_by(trained, trained.model.inputs_of(samples.batch(places)))

    def name(place: int) -> str:
        inputs = split.inputs(torch.tensor([place]))
        shown = [samples.faces[each].show(inputs[each][0]) for each in trained.model.inputs]
        return ": ".join([samples.name(place), *(each for each in shown if isinstance(each, str))])

    pixels = split.images if is_of_images else None
    return TrainingSamples(len(samples), name, read, list, pixels)
