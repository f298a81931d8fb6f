"""The training images among which the nearest are looked for."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from multitask.after.image_table import new_images
from multitask.after.labelled_samples import own_samples
from multitask.after.trained_model import TrainedModel
from multitask.errors import InputError
from multitask.images.decoding import UnusableImage, decode


@dataclass(frozen=True)
class TrainingImages:
    """Images by their places.

    Args:
        count: of images.
        name: what people call one.
        read: the places of those that can be read, and their pixels, ``[images, channels, height,
            width]``, uint8 or floating.
        unreadable: sentences about images that could not be read so far.
    """

    count: int
    name: Callable[[int], str]
    read: Callable[[Tensor], tuple[Tensor, Tensor]]
    unreadable: Callable[[], list[str]]


def image_files(trained: TrainedModel, source: str) -> TrainingImages:
    """Images of a folder or a table.

    Args:
        trained: the model.
        source: of the images, see `multitask.after.image_table.new_images`.

    Raises:
        InputError: if it is not there, or has no image.
    """
    listed = new_images([source])
    reasons = {place: f"{listed.names[place]}: {why}" for place, why in listed.problems.items()}

    def read(places: Tensor) -> tuple[Tensor, Tensor]:
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

    return TrainingImages(len(listed), lambda at: listed.names[at], read, unreadable)


def own_images(trained: TrainedModel) -> TrainingImages:
    """The training set of the checkpoint's own run.

    Args:
        trained: a model whose checkpoint lies in its run's folder.

    Raises:
        InputError: if the run or its data are not there.
    """
    try:
        samples = own_samples(trained, "train", None)
    except InputError as error:
        raise InputError(f"{error}, or --training=FOLDER with the training images") from error

    def read(places: Tensor) -> tuple[Tensor, Tensor]:
        return places, samples.split.images(places)

    return TrainingImages(len(samples), samples.name, read, list)
