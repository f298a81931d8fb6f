"""Analysis of a model, section by section."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from multitask.after.explaining.attribution import attribute
from multitask.after.explaining.explanation import OWN, Explanation, Wanted
from multitask.after.explaining.layer_gradients import layer_cosines
from multitask.after.explaining.looked_at import look_at_parts
from multitask.after.explaining.neighbours import Neighbours, nearest_images
from multitask.after.explaining.networks import (
    compare_layers,
    samples_at_once,
    seen_by,
    spread,
)
from multitask.after.explaining.overlap import overlaps
from multitask.after.explaining.similarity import FEWEST
from multitask.after.explaining.training_samples import image_files, own_training
from multitask.after.image_list import ImageList
from multitask.after.image_table import new_images
from multitask.after.labelled_samples import LabelledSamples, own_samples
from multitask.after.labelled_table import labelled_table
from multitask.after.trained_model import IMAGE, TrainedModel
from multitask.errors import InputError
from multitask.images.decoding import UnusableImage, decode
from multitask.pages.words import counted, listed

MOST_IMAGES, MOST_TRAINING = 16, 5_000
BATCHES = 8
"""Number of groups of labelled samples, whose spread gives intervals."""
NEAREST = 3


def explain(trained: TrainedModel, wanted: Wanted) -> Explanation:
    """Analyse a model.

    Args:
        trained: the model.
        wanted: what to analyse.

    Raises:
        InputError: if no sample can be read, or a setting is invalid.
    """
    for option, path in (("labels", wanted.labels), ("training", wanted.training)):
        if path is not None and not Path(path).exists():
            raise InputError(f"--{option} is {path}, but there is no such file or folder")
    if list(trained.model.inputs) == [IMAGE]:
        found = _look_at_images(trained, wanted)
    else:
        found = look_at_parts(trained, wanted)
    samples: list[LabelledSamples] = []
    found.try_to("Gradients by layer", lambda: _gradients(found, wanted, samples))
    found.try_to("Similar layers", lambda: _similarities(found, wanted, samples))
    nearest = f"Nearest training {'samples' if found.seen else 'images'}"
    found.try_to(nearest, lambda: _neighbours(found, wanted))
    return found


def _look_at_images(trained: TrainedModel, wanted: Wanted) -> Explanation:
    if wanted.text is not None:
        raise InputError(f"--text is for models of texts, but {trained.source} accepts images")
    found = _read(trained, new_images(list(wanted.images)))
    floats = found.pixels.to(trained.device, trained.precision) / 255
    for name in trained.model.named_tasks:
        found.attributions[name] = attribute(trained, name, floats, wanted.choice, wanted.slow)
    found.overlaps = overlaps({name: each.gradients for name, each in found.attributions.items()})
    return found


def _read(trained: TrainedModel, images: ImageList) -> Explanation:
    names: list[str] = []
    pixels: list[np.ndarray] = []
    left_out: list[str] = []
    reasons = dict(images.problems)
    for place, path in enumerate(images.paths):
        if len(names) == MOST_IMAGES:
            left_out.append(
                f"Of the {len(images):,} images, only the first {MOST_IMAGES} are used."
            )
            break
        if path is not None:
            try:
                pixels.append(decode(Path(path), trained.format)[0])
                names.append(images.names[place])
            except (UnusableImage, OSError) as error:
                reasons[place] = str(error)
    left_out += [f"{images.names[place]} was skipped: {why}" for place, why in reasons.items()]
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
    if len(model.named_tasks) < 2:
        raise InputError("the model has only one task")
    lacking = [name for name in model.named_tasks if name not in samples.tasks]
    lacks = f"{samples.title} has no labels of {listed(lacking)}"
    if len(samples.tasks) < 2:
        raise InputError(lacks)
    if lacking:
        found.left_out.append(f"Gradients by layer: {lacks}, which the comparison skips.")
    places = spread(len(samples), samples_at_once(found.trained))
    batches = [
        {name: each.to(found.trained.device) for name, each in samples.batch(part).items()}
        for part in places.chunk(BATCHES)
    ]
    found.cosines = layer_cosines(model, batches, tasks=samples.tasks)


def _similarities(found: Explanation, wanted: Wanted, samples: list[LabelledSamples]) -> None:
    trained = found.trained
    given: Tensor | list[Tensor] = found.seen or found.pixels
    count = len(found.names)
    if samples:
        places = spread(len(samples[0]), samples_at_once(trained))
        count = len(places)
        given = (
            trained.model.inputs_of(samples[0].batch(places))
            if found.seen
            else samples[0].split.images(places)
        )
    if count < FEWEST:
        what = counted(count, "sample" if found.seen else "image")
        raise InputError(f"{what}, which is too few; give {FEWEST} or more")
    found.compared = count

    def compare(name: str, other: TrainedModel) -> None:
        found.similarities[name] = compare_layers(trained, other, given)

    for name, other in {OWN: trained, **wanted.against}.items():
        found.try_to("Similar layers", partial(compare, name, other))


def _neighbours(found: Explanation, wanted: Wanted) -> None:
    trained, source = found.trained, wanted.training
    if found.seen and source is not None:
        raise InputError("--training is for images; remove it to use the run's training set")
    known = own_training(trained) if source is None else image_files(trained, source)
    places = spread(known.count, MOST_TRAINING)
    if len(places) < known.count:
        found.left_out.append(
            f"Of the {known.count:,} training {'samples' if found.seen else 'images'} "
            f"{MOST_TRAINING:,} are compared, evenly spaced."
        )
    kept: list[Tensor] = []
    vectors: list[Tensor] = []
    for part in places.split(samples_at_once(trained)):
        read, inputs = known.read(part)
        if len(read):
            kept.append(read)
            vectors.append(trained.embed_inputs(*inputs).cpu())
    found.left_out += known.unreadable()
    if not kept:
        raise InputError(f"{source} has no training image that can be read")
    own = found.seen or seen_by(trained, found.pixels)
    near = nearest_images(trained.embed_inputs(*own).cpu(), torch.cat(vectors), NEAREST)
    found.neighbours = Neighbours(torch.cat(kept)[near.places], near.cosines)
    found.training_names, found.training_pixels = known.name, known.pixels
