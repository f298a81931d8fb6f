"""Contribution of each pixel for each task: integrated gradients, and occlusion."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from multitask.after.explaining.score import Choice, Score
from multitask.after.trained_model import TrainedModel
from multitask.configuration.extras import require

STEPS = (64, 256)
"""Number of interpolation steps from black to the image; the second if the first misses more than
`CLOSE` of the change."""
CLOSE = 0.02
MOST_TOGETHER, FEWEST_TOGETHER, PIXELS_TOGETHER = 64, 4, 2**20
"""Most and fewest images per batch, and most pixels."""
WINDOWS = 8
"""Most occlusion windows along each side of an image; each is moved by half its side."""


@dataclass(frozen=True)
class Attribution:
    """Attributions for one task.

    Args:
        what: description of the explained output.
        classes: the explained class for each image; empty strings if the output is not a class.
        gradients: integrated gradients, ``[images, height, width]``; their sum over an image is the
            difference between the output and that of a black image.
        steps: number of steps of integrated gradients.
        changes: difference of the output from that of a black image, ``[images]``.
        missed: error of the sum of the gradients relative to that difference, ``[images]``.
        occlusion: decrease of the output if a pixel's surroundings are black, of the same shape as
            the gradients; None if it was not requested.
    """

    what: str
    classes: list[str]
    gradients: Tensor
    steps: int
    changes: Tensor
    missed: Tensor
    occlusion: Tensor | None = None

    @property
    def incomplete(self) -> float:
        """The largest error, as a fraction of the largest change."""
        largest = float(self.changes.abs().max())
        return float(self.missed.abs().max()) / largest if largest else 0.0


def attribute(
    trained: TrainedModel, name: str, images: Tensor, choice: Choice, slow: bool = False
) -> Attribution:
    """Compute attributions for a task.

    The methods are integrated gradients (Sundararajan et al., 2017, equation 1) from a black image,
    and
    occlusion (Zeiler and Fergus, 2014, section 4.2) by black windows.

    Args:
        trained: the model.
        name: name of the task.
        images: images from 0 to 1, before transforms, ``[batch, channels, height, width]``.
        choice: which of the task's outputs to explain.
        slow: whether to compute occlusion too.

    Raises:
        InputError: if the task has no such class or element, or captum is not installed.
    """
    attr: Any = require("captum.attr", "explain")
    score = Score(trained, name, choice)
    weights = score.weights(images)
    with torch.no_grad():
        classes = score.classes(images)
        changes = score(images, weights) - score(torch.zeros_like(images), weights)
        extra = None if weights is None else (weights,)
        hidden = _occluded(attr, score, images, extra) if slow else None
    for steps in STEPS:
        gradients = _integrated(attr, score, images, weights, steps)
        missed = gradients.flatten(1).sum(1) - changes.cpu()
        found = Attribution(score.what, classes, gradients, steps, changes.cpu(), missed, hidden)
        if found.incomplete <= CLOSE:
            break
    return found


def _integrated(
    attr: Any, score: Score, images: Tensor, weights: Tensor | None, steps: int
) -> Tensor:
    together = PIXELS_TOGETHER // images[0, 0].numel()
    together = max(FEWEST_TOGETHER, min(MOST_TOGETHER, together))
    parts = []
    for places in torch.arange(len(images), device=images.device).split(together):
        with torch.enable_grad():
            found = attr.IntegratedGradients(score).attribute(
                images[places],
                baselines=0.0,
                additional_forward_args=None if weights is None else (weights[places],),
                n_steps=steps,
                internal_batch_size=together,
            )
        parts.append(found.detach().sum(1).cpu())
    return torch.cat(parts)


def _occluded(attr: Any, score: Score, images: Tensor, extra: Any) -> Tensor:
    channels, height, width = images.shape[1:]
    window = [max(1, 2 * (side // (2 * WINDOWS)) or 1) for side in (height, width)]
    step = [max(1, side // 2) for side in window]
    found = attr.Occlusion(score).attribute(
        images,
        sliding_window_shapes=(channels, *window),
        strides=(channels, *step),
        baselines=0.0,
        additional_forward_args=extra,
    )
    return found.detach().mean(1).cpu()
