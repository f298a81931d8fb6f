"""The base class of few-shot learners, which adapt a network to a support set."""

from __future__ import annotations

import copy
from abc import ABC, abstractmethod

import torch
from torch import nn

from multitask.encoders import Encoder
from multitask.errors import InputError
from multitask.few_shot.adapted import Adapted
from multitask.few_shot.samples import Samples
from multitask.few_shot.trunk import encoder_of
from multitask.module import MultiTask
from multitask.tasks import Task
from multitask.training.batch_norm import without_other_processes
from multitask.training.trial import same_random_numbers


class Learner(ABC):
    """Learns a new task from a support set, without using the query set.

    The given model and task are not changed. A subclass defines `name` and `learn`.
    """

    name: str
    """Name of the learner in tables and figures."""
    needs_classes = False
    """Whether it only supports tasks with one class for each sample."""

    def adapt(
        self, model: MultiTask | Encoder, name: str, task: Task, support: Samples, seed: int = 0
    ) -> Adapted:
        """Adapt a copy of a model to a task.

        Args:
            model: a trained model, whose heads are not used, or an encoder.
            name: the task's name, for messages.
            task: the task to learn; its statistics are not needed.
            support: the support set, on the model's device.
            seed: seed of random weights and dropout; the global random state does not change.

        Returns:
            A network for only that task, in evaluation mode, on the model's device, float32 or
            float64. Its parameters can be trained further.

        Raises:
            InputError: if the learner, the encoder and the task are not compatible.
        """
        # A test loop runs in inference mode, in which training is not possible.
        with torch.inference_mode(False), torch.enable_grad():
            support = support.to(_device(model))
            encoder = copy.deepcopy(encoder_of(model, [each[:1] for each in support.inputs]))
            without_other_processes(encoder)
            for parameter in encoder.parameters():
                parameter.requires_grad_(parameter.is_floating_point())
            own = copy.deepcopy(task).to(_device(model))
            own.learn_statistics(name, support.target)
            with same_random_numbers(_device(model)):
                torch.manual_seed(seed)
                return self.learn(_in_full_precision(encoder), name, own, support).eval()

    @abstractmethod
    def learn(self, encoder: Encoder, name: str, task: Task, support: Samples) -> Adapted:
        """Learn a task.

        Args:
            encoder: a copy, which may be changed.
            name: the task's name, for messages.
            task: a copy with the statistics of the support set.
            support: the support set.

        Raises:
            InputError: see `adapt`.
        """


def new_head(encoder: Encoder, name: str, task: Task) -> nn.Module:
    """Build a task's head with random weights, on the encoder's device.

    Args:
        encoder: the encoder that it reads.
        name: the task's name, for messages.
        task: the task of the head.

    Raises:
        InputError: if the task cannot read the encoder's form.
    """
    try:
        head = task.build_head(encoder.form)
    except InputError as error:
        raise InputError(f"'{name}': {error}") from error
    like = next(encoder.parameters(), None)
    return head if like is None else head.to(like.device, like.dtype)


def _device(model: nn.Module) -> torch.device:
    return next((each.device for each in model.parameters()), torch.device("cpu"))


def _in_full_precision(encoder: Encoder) -> Encoder:
    # Steps on a few samples are lost in the rounding of half precision.
    halves = (torch.float16, torch.bfloat16)
    return (
        encoder.float() if any(each.dtype in halves for each in encoder.parameters()) else encoder
    )
