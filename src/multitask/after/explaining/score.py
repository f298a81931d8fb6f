"""The output of a task that is explained."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from multitask.after.trained_model import TrainedModel
from multitask.errors import InputError, nearest
from multitask.missing_labels import NO_TOKEN
from multitask.tasks import Task
from multitask.tasks.output import Output
from multitask.tokenizers import is_text, text_mask

MATRIX, OF_TOKENS = 2, 3
"""Numbers of axes of an output with a vector per sample, and with a vector per token."""
Given = Tensor | Sequence[Tensor]
"""Images from 0 to 1, before transforms; or all inputs of a model, transformed."""


@dataclass(frozen=True)
class Choice:
    """The outputs of tasks to explain.

    Args:
        classes: by task, the name of a class to explain instead of the predicted one.
        elements: by task, the name of a vector's element to explain instead of all elements.
    """

    classes: dict[str, str]
    elements: dict[str, str]


class Score(torch.nn.Module):
    """One output value of a task per sample, as a function of the model's inputs.

    For a class, the value is the raw output (logit); for a number, the standardised output. For a
    vector, it is the squared norm of the standardised output, which measures the distance from the
    mean of the training targets. For a map or the labels of tokens, it is the mean over them for
    the predicted classes.

    Args:
        trained: the model.
        name: name of the task.
        choice: which of its outputs to explain.

    Raises:
        InputError: if the task has no such class or element.
    """

    def __init__(self, trained: TrainedModel, name: str, choice: Choice) -> None:
        super().__init__()
        self.trained, self.name = trained, name
        task = trained.model.named_tasks[name]
        self.chosen, self.what = _chosen(trained, name, task, choice)

    def weights(self, given: Given) -> Tensor | None:
        """The weight of each output; None if the outputs are squared.

        Args:
            given: images from 0 to 1, ``[batch, channels, height, width]``; or the inputs of the
                model in order, first axis ``[batch]``.
        """
        with torch.no_grad():
            output = self._output(given)
        if output.ndim == 1:
            return torch.ones_like(output)
        task = self.trained.model.named_tasks[self.name]
        weights = torch.zeros_like(output)
        if self.chosen is not None:
            weights[:, self.chosen] = 1
        elif task.class_names is not None:
            weights.scatter_(1, output.argmax(1, keepdim=True), 1)
        elif output.ndim == MATRIX and output.shape[1] > 1:
            return None
        else:
            weights.fill_(1)
        if output.ndim == OF_TOKENS and not isinstance(given, Tensor):
            # There are no tokens after the end of a text.
            for each in filter(is_text, given):
                weights = weights * text_mask(each)[:, None, : output.shape[2]]
        return weights / weights.flatten(1).sum(1).view(-1, *[1] * (weights.ndim - 1))

    def classes(self, given: Given) -> list[str]:
        """Name the explained class for each image, see `Attribution`.

        Args:
            given: see `weights`.
        """
        names = self.trained.model.named_tasks[self.name].class_names
        output = self._output(given)
        if names is None or output.ndim != MATRIX:
            return [""] * len(output)
        if self.chosen is not None:
            return [names[self.chosen]] * len(output)
        return [names[place] for place in output.argmax(1).tolist()]

    def forward(self, given: Given, weights: Tensor | None = None) -> Tensor:
        """Compute the value, shape ``[batch]``.

        Args:
            given: see `weights`.
            weights: the result of `weights`.
        """
        output = self._output(given)
        if output.ndim == OF_TOKENS:
            output = output.masked_fill(output <= NO_TOKEN, 0)
        if weights is None:
            return output.square().flatten(1).sum(1)
        return (output * weights).flatten(1).sum(1) if output.ndim > 1 else output

    def _output(self, given: Given) -> Tensor:
        inputs = [self.trained.transforms(given)] if isinstance(given, Tensor) else given
        output = self.trained.model(*inputs)[self.name]
        found: Output = self.trained.model.named_tasks[self.name].explained_output(output)
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


def by_task(given: str | None, what: str, tasks: Sequence[str]) -> dict[str, str]:
    """Parse ``TASK:NAME,TASK:NAME``.

    Args:
        given: the option's value; None if it was not given.
        what: name of the option.
        tasks: names of the model's tasks.

    Raises:
        InputError: if the format is invalid, or there is no such task.
    """
    found: dict[str, str] = {}
    # A name may contain commas.
    begin = rf",(?=(?:{'|'.join(map(re.escape, tasks))}):)"
    for each in [] if given is None else re.split(begin, given):
        task, colon, name = each.partition(":")
        if not colon or not name:
            raise InputError(f"--{what} is '{given}'; write TASK:NAME, as in --{what}=digit:3")
        if task not in tasks:
            raise InputError(f"--{what}: the model has no task '{task}'{nearest(task, tasks)}")
        found[task] = name
    return found
