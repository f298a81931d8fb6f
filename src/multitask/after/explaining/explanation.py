"""All that is found out about what a model looks at, and what its tasks share."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import torch
from torch import Tensor

from multitask.after.explaining.attribution import Attribution
from multitask.after.explaining.layer_gradients import LayerCosine
from multitask.after.explaining.neighbours import Neighbours
from multitask.after.explaining.overlap import Overlap
from multitask.after.explaining.part_effects import PartEffects
from multitask.after.explaining.parts import Part
from multitask.after.explaining.score import Choice
from multitask.after.trained_model import TrainedModel
from multitask.errors import InputError

OWN = "its own layers"
"""What a model's similarity to itself is called."""


@dataclass(frozen=True)
class Wanted:
    """What is to be found out.

    Args:
        images: files, folders or a table; of a model that takes texts or numbers, a table.
        choice: which outputs are explained.
        slow: whether occlusion of images is computed too, and each token of a long text is looked
            at by itself.
        labels: a labelled table for gradients; default: the run's own test set.
        training: training images; default: the run's own.
        against: other models, by what they are called.
        text: one text, in place of ``images``.
    """

    images: Sequence[str]
    choice: Choice
    slow: bool = False
    labels: Path | None = None
    training: str | None = None
    against: Mapping[str, TrainedModel] = field(default_factory=dict)
    text: str | None = None


@dataclass
class Explanation:
    """What was found out; what could not be is None or empty, and ``left_out`` says why.

    Args:
        trained: the model.
        names: of the samples.
        pixels: of a model of images alone, the images as it gets them, uint8
            ``[images, channels, height, width]``.
        seen: of any other model, what it takes, in the order of its inputs, see
            `TrainedModel.seen`.
        attributions: by task, of images.
        parts: of the samples of any other model.
        effects: by task, what the parts count.
        overlaps: of each two tasks.
        cosines: of gradients, by layer.
        similarities: by the other network, the CKA of each layer (rows) with its layers (columns).
        compared: how many samples the layers were compared on.
        neighbours: of each sample.
        training_names: of the training samples.
        training_pixels: reads training images by their places; None if they are not images.
        left_out: sentences.
    """

    trained: TrainedModel
    names: list[str]
    pixels: Tensor = field(default_factory=lambda: torch.empty(0, dtype=torch.uint8))
    seen: list[Tensor] = field(default_factory=list)
    attributions: dict[str, Attribution] = field(default_factory=dict)
    parts: list[Part] = field(default_factory=list)
    effects: dict[str, PartEffects] = field(default_factory=dict)
    overlaps: list[Overlap] = field(default_factory=list)
    cosines: list[LayerCosine] = field(default_factory=list)
    similarities: dict[str, tuple[list[str], list[str], Tensor]] = field(default_factory=dict)
    compared: int = 0
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
