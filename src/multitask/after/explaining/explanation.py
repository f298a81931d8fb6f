"""All that is found out about what a model looks at, and what its tasks share."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from multitask.after.explaining.attribution import Attribution, Choice, attribute
from multitask.after.explaining.layer_gradients import LayerCosine, layer_cosines
from multitask.after.explaining.neighbours import Neighbours, nearest_images
from multitask.after.explaining.overlap import Overlap, overlaps
from multitask.after.explaining.similarity import FEWEST, aligned, layer_grams
from multitask.after.image_list import ImageList
from multitask.after.image_table import new_images
from multitask.after.labelled_samples import LabelledSamples, own_samples
from multitask.after.labelled_table import labelled_table
from multitask.after.trained_model import TrainedModel
from multitask.errors import InputError
from multitask.images.decoding import UnusableImage, decode

MOST_IMAGES, MOST_LAYERS, MOST_SAMPLES, MOST_TRAINING = 16, 12, 256, 5_000
BATCHES = 8
"""Into which labelled samples are divided, whose spread gives intervals."""
NEAREST = 3


@dataclass(frozen=True)
class Wanted:
    """What is to be found out.

    Args:
        images: files, folders or a table.
        choice: which outputs are explained.
        slow: whether occlusion is computed too.
        labels: a labelled table for gradients; default: the run's own test set.
        training: training images; default: the run's own.
        against: other models, by what they are called.
    """

    images: Sequence[str]
    choice: Choice
    slow: bool = False
    labels: Path | None = None
    training: str | None = None
    against: Mapping[str, TrainedModel] = field(default_factory=dict)


@dataclass
class Explanation:
    """What was found out; what could not be is None or empty, and ``left_out`` says why.

    Args:
        trained: the model.
        names: of the images.
        pixels: the images as the model gets them, uint8 ``[images, channels, height, width]``.
        attributions: by task.
        overlaps: of each two tasks.
        cosines: of gradients, by layer.
        similarities: by the other network, the CKA of each layer (rows) with its layers (columns).
        neighbours: of each image.
        training_names: of the training images.
        training_pixels: reads training images by their places.
        left_out: sentences.
    """

    trained: TrainedModel
    names: list[str]
    pixels: Tensor
    attributions: dict[str, Attribution] = field(default_factory=dict)
    overlaps: list[Overlap] = field(default_factory=list)
    cosines: list[LayerCosine] = field(default_factory=list)
    similarities: dict[str, tuple[list[str], list[str], Tensor]] = field(default_factory=dict)
    neighbours: Neighbours | None = None
    training_names: Callable[[int], str] = str
    training_pixels: Callable[[Tensor], Tensor] | None = None
    left_out: list[str] = field(default_factory=list)

    def try_to(self, what: str, find: Callable[[], None]) -> None:
        """Find something out, or say in a sentence why it is left out."""
        try:
            find()
        except InputError as error:
            self.left_out.append(f"{what}: {error}")


def explain(trained: TrainedModel, wanted: Wanted) -> Explanation:
    """Look into a model.

    Args:
        trained: the model.
        wanted: what is to be found out.

    Raises:
        InputError: if there is no image that can be read, or a setting is not right.
    """
    images = new_images(list(wanted.images))
    found = _read(trained, images)
    floats = found.pixels.to(trained.device, trained.precision) / 255
    for name in trained.model.named_tasks:
        found.attributions[name] = attribute(trained, name, floats, wanted.choice, wanted.slow)
    found.overlaps = overlaps({name: each.gradients for name, each in found.attributions.items()})
    samples: list[LabelledSamples] = []
    found.try_to("Gradients by layer", lambda: _gradients(found, wanted, samples))
    found.try_to("Similar layers", lambda: _similarities(found, wanted, samples))
    found.try_to("Nearest training images", lambda: _neighbours(found, wanted))
    return found


def _read(trained: TrainedModel, images: ImageList) -> Explanation:
    names: list[str] = []
    pixels: list[np.ndarray] = []
    left_out: list[str] = []
    reasons = dict(images.problems)
    for place, path in enumerate(images.paths):
        if len(names) == MOST_IMAGES:
            left_out.append(f"Of the {len(images):,} images the first {MOST_IMAGES} are looked at.")
            break
        if path is not None:
            try:
                pixels.append(decode(Path(path), trained.format)[0])
                names.append(images.names[place])
            except (UnusableImage, OSError) as error:
                reasons[place] = str(error)
    left_out += [f"{images.names[place]} is left out: {why}" for place, why in reasons.items()]
    if not names:
        raise InputError(f"{images.source}: no image can be read; {' '.join(left_out)}")
    found = Explanation(trained, names, torch.from_numpy(np.stack(pixels)))
    found.left_out += left_out
    return found


def _labelled(trained: TrainedModel, labels: Path | None) -> LabelledSamples:
    if labels is not None:
        return labelled_table(trained, labels)
    try:
        return own_samples(trained, "test", None)
    except InputError as error:
        raise InputError(f"{error}, with --labels=TABLE") from error


def _gradients(found: Explanation, wanted: Wanted, kept: list[LabelledSamples]) -> None:
    model = found.trained.model
    samples = _labelled(found.trained, wanted.labels)
    kept.append(samples)
    lacking = [name for name in model.named_tasks if name not in samples.tasks]
    if lacking:
        raise InputError(f"{samples.title} has no labels of {', '.join(lacking)}")
    if len(model.named_tasks) < 2:
        raise InputError("the model has one task alone")
    places = torch.linspace(0, len(samples) - 1, min(MOST_SAMPLES, len(samples))).long()
    batches = [
        {name: each.to(found.trained.device) for name, each in samples.batch(part).items()}
        for part in places.chunk(BATCHES)
    ]
    found.cosines = layer_cosines(model, batches)


def _similarities(found: Explanation, wanted: Wanted, samples: list[LabelledSamples]) -> None:
    trained = found.trained
    if samples:
        every = samples[0]
        places = torch.linspace(0, len(every) - 1, min(MOST_SAMPLES, len(every))).long()
        batch = every.batch(places)
        inputs = [batch[name].to(trained.device) for name in trained.model.inputs]
    else:
        inputs = [trained.inputs(found.pixels)]
    count = len(inputs[0])
    if count < FEWEST:
        raise InputError(f"{count} images are too few; give {FEWEST} or more")

    def grams(each: TrainedModel) -> dict[str, Tensor]:
        encoder = each.model.encoder.eval()
        moved = [one.to(each.device, each.precision) for one in inputs]
        return layer_grams(encoder, lambda: encoder(*moved), MOST_LAYERS)

    own = grams(trained)
    if not own:
        raise InputError("the encoder has no convolution and no linear layer")
    networks = {"its own layers": own}
    for name, other in wanted.against.items():
        if other.format != trained.format:
            raise InputError(f"{other.source} takes other images than {trained.source}")
        networks[name] = grams(other)
    for name, theirs in networks.items():
        rows = [[aligned(one, two) for two in theirs.values()] for one in own.values()]
        found.similarities[name] = (list(own), list(theirs), torch.tensor(rows))


def _neighbours(found: Explanation, wanted: Wanted) -> None:
    trained = found.trained
    read: Callable[[Tensor], Tensor]
    embed: Callable[[Tensor], Tensor]
    if wanted.training is not None:
        listed = new_images([wanted.training])
        usable = [place for place, path in enumerate(listed.paths) if path is not None]
        usable = usable[:MOST_TRAINING]

        def read_files(places: Tensor) -> Tensor:
            paths = [str(listed.paths[usable[place]]) for place in places.tolist()]
            try:
                decoded = [decode(Path(each), trained.format)[0] for each in paths]
            except (UnusableImage, OSError) as error:
                raise InputError(f"a training image cannot be read: {error}") from error
            return torch.from_numpy(np.stack(decoded))

        def embed_files(places: Tensor) -> Tensor:
            return trained.embed(read_files(places))

        count, read, embed = len(usable), read_files, embed_files
        found.training_names = lambda place: listed.names[usable[place]]
    else:
        try:
            samples = own_samples(trained, "train", None)
        except InputError as error:
            raise InputError(f"{error}, or --training=FOLDER with the training images") from error

        def embed_samples(places: Tensor) -> Tensor:
            batch = samples.batch(places)
            return trained.embed_inputs(*[batch[name] for name in trained.model.inputs])

        count, read = min(len(samples), MOST_TRAINING), samples.split.images
        embed = embed_samples
        found.training_names = samples.name
    parts = [embed(each).cpu() for each in torch.arange(count).split(MOST_SAMPLES)]
    found.neighbours = nearest_images(trained.embed(found.pixels).cpu(), torch.cat(parts), NEAREST)
    found.training_pixels = read
