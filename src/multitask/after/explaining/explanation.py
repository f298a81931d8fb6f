"""Results of an analysis of what a model attends to, and what its tasks share."""

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
"""Name of a model's similarity to itself."""


@dataclass(frozen=True)
class Wanted:
    """Settings of an explanation.

    Args:
        images: files, folders or a table; for a model that accepts texts or numbers, a table.
        choice: which outputs to explain.
        slow: whether to compute occlusion of images too, and to analyse each token of a long text
            separately.
        labels: a labelled table for gradients; default: the run's own test set.
        training: training images; default: the run's own.
        against: other models, by display name.
        text: a single text, instead of ``images``.
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
    """Results; those that are unavailable are None or empty, and ``left_out`` states why.

    Args:
        trained: the model.
        names: names of the samples.
        pixels: for a model of images alone, the images as the model gets them, uint8 ``[images,
            channels, height, width]``.
        seen: for any other model, its inputs in order, see `TrainedModel.seen`.
        attributions: attributions of images by task.
        parts: parts of the samples of any other model.
        effects: effects of the parts, by task.
        overlaps: overlaps of pairs of tasks.
        cosines: cosines of gradients, by layer.
        similarities: by the other network, the CKA of each layer (rows) with its layers (columns).
        compared: number of samples that the layers were compared on.
        neighbours: neighbours of each sample.
        training_names: names of the training samples.
        training_pixels: reads training images by their indices; None if they are not images.
        left_out: sentences on what is missing.
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
        """Run one part of the analysis, or record in a sentence why it was skipped."""
        try:
            find()
        except InputError as error:
            self.left_out.append(f"{what}: {error}")
