"""How much each pixel counts for each task: integrated gradients, and occlusion."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from multitask.after.extras import require
from multitask.after.trained_model import TrainedModel
from multitask.errors import InputError, nearest
from multitask.tasks import Task
from multitask.tasks.output import Output

STEPS = 64
"""Points on the way from black to the image at which gradients are taken."""
TOGETHER = 64
"""Images that go through the model at a time."""
WINDOWS = 8
"""Windows of occlusion to a side of an image, at most, each moved by half its side."""


@dataclass(frozen=True)
class Choice:
    """Which of a task's outputs is explained.

    Args:
        classes: by task, the name of a class in place of the one that is predicted.
        elements: by task, the name of a vector's element in place of all of them.
    """

    classes: dict[str, str]
    elements: dict[str, str]


@dataclass(frozen=True)
class Attribution:
    """What counts for one task.

    Args:
        what: which number is explained, in words.
        gradients: integrated gradients, ``[images, height, width]``; their sum over an image is how
            far the number is from that of a black image.
        incomplete: how far that sum is off, at most, as a share of the number's largest change.
        occlusion: how far the number falls if a pixel's surroundings are black, of the same shape;
            None if it was not asked for.
    """

    what: str
    gradients: Tensor
    incomplete: float
    occlusion: Tensor | None = None


class Score(torch.nn.Module):
    """One number of one task for each image, as a function of images from 0 to 1.

    A class counts by its raw output (logit), a number by its standardised output, a vector by the
    squared norm of its standardised output (how far it is from the mean of the training targets),
    a map by the mean over it, of the classes that are predicted.

    Args:
        trained: the model.
        name: of the task.
        choice: which of its outputs.

    Raises:
        InputError: if the task has no such class or element.
    """

    def __init__(self, trained: TrainedModel, name: str, choice: Choice) -> None:
        super().__init__()
        self.trained, self.name = trained, name
        task = trained.model.named_tasks[name]
        self.chosen, self.what = _chosen(trained, name, task, choice)

    def weights(self, images: Tensor) -> Tensor | None:
        """What each output counts; None if all count by their squares.

        Args:
            images: from 0 to 1, ``[batch, channels, height, width]``.
        """
        with torch.no_grad():
            output = self._output(images)
        if output.ndim == 1:
            return torch.ones_like(output)
        task = self.trained.model.named_tasks[self.name]
        weights = torch.zeros_like(output)
        if self.chosen is not None:
            weights[:, self.chosen] = 1
        elif task.class_names is not None:
            weights.scatter_(1, output.argmax(1, keepdim=True), 1)
        elif output.ndim == 2 and output.shape[1] > 1:
            return None
        else:
            weights.fill_(1)
        return weights / weights.flatten(1).sum(1).view(-1, *[1] * (weights.ndim - 1))

    def forward(self, images: Tensor, weights: Tensor | None = None) -> Tensor:
        """The number, ``[batch]``.

        Args:
            images: see `weights`.
            weights: what that returned.
        """
        output = self._output(images)
        if weights is None:
            return output.square().flatten(1).sum(1)
        return (output * weights).flatten(1).sum(1) if output.ndim > 1 else output

    def _output(self, images: Tensor) -> Tensor:
        found: Output = self.trained.model(self.trained.transforms(images))[self.name]
        return next(iter(found.values())) if isinstance(found, dict) else found


def _chosen(trained: TrainedModel, name: str, task: Task, choice: Choice) -> tuple[int | None, str]:
    told = trained.description["tasks"][name]
    elements = told.get("elements") or list(map(str, range(getattr(task, "size", 0) or 0)))
    for what, known, given in (
        ("class", task.class_names or [], choice.classes.get(name)),
        ("element", elements, choice.elements.get(name)),
    ):
        if given is None:
            continue
        if given not in known:
            near = nearest(given, known)
            raise InputError(f"task '{name}' has no {what} '{given}'{near}")
        return known.index(given), f"{what} {given}"
    if task.class_names is not None:
        return None, "the predicted class"
    return None, "all elements" if len(elements) > 1 else "its number"


def attribute(
    trained: TrainedModel, name: str, images: Tensor, choice: Choice, slow: bool = False
) -> Attribution:
    """Find what counts for a task: integrated gradients (Sundararajan et al., 2017, equation 1)
    from a black image, and occlusion (Zeiler and Fergus, 2014, section 4.2) by black windows.

    Args:
        trained: the model.
        name: of the task.
        images: from 0 to 1, before transforms, ``[batch, channels, height, width]``.
        choice: which of the task's outputs.
        slow: whether occlusion is computed too.

    Raises:
        InputError: if the task has no such class or element, or captum is not installed.
    """
    attr: Any = require("captum.attr", "explain")
    score = Score(trained, name, choice)
    weights = score.weights(images)
    extra = None if weights is None else (weights,)
    with torch.enable_grad():
        found, delta = attr.IntegratedGradients(score).attribute(
            images,
            baselines=0.0,
            additional_forward_args=extra,
            n_steps=STEPS,
            internal_batch_size=max(TOGETHER, len(images)),
            return_convergence_delta=True,
        )
    with torch.no_grad():
        changes = (score(images, weights) - score(torch.zeros_like(images), weights)).abs()
        largest = float(changes.max())
        off = float(delta.abs().max()) / largest if largest > 0 else 0.0
        hidden = _occluded(attr, score, images, extra) if slow else None
    return Attribution(score.what, found.detach().sum(1).cpu(), off, hidden)


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
