"""Classification by the nearest class mean."""

from __future__ import annotations

import torch
from torch import nn

from multitask.encoders import Encoder
from multitask.errors import InputError
from multitask.few_shot.adapted import Adapted
from multitask.few_shot.drawing import is_of_classes
from multitask.few_shot.learner import Learner, new_head
from multitask.few_shot.samples import Samples
from multitask.tasks import Classification, Task


class Prototypes(Learner):
    """Selects the class whose mean of features is nearest (Snell et al., 2017, 1703.05175).

    Nothing is trained. The raw output of a class is the negative squared distance from its mean,
    without terms that are equal for all classes, so the head is a linear layer (equation 8 of the
    paper). The encoder is in evaluation mode: batch normalisation keeps the running statistics of
    the run.
    """

    name = "prototypes"
    needs_classes = True

    def learn(self, encoder: Encoder, name: str, task: Task, support: Samples) -> Adapted:
        if not isinstance(task, Classification) or not is_of_classes(task, support.target):
            raise InputError(
                f"Prototypes: '{name}' is a {type(task).__name__}, but only classes of whole "
                "samples have a mean; remove Prototypes"
            )
        own = _with_linear_head(task)
        adapted = Adapted(encoder.eval(), new_head(encoder, name, own), own)
        form = encoder.form
        features = form.vector(adapted.features(support.inputs))
        means = []
        for number, kind in enumerate(task.classes):
            chosen = features[support.target == number]
            if not len(chosen):
                raise InputError(f"Prototypes: '{name}' has no label of class {kind} to learn from")
            means.append(chosen.double().mean(0))
        linear = next(each for each in adapted.head.modules() if isinstance(each, nn.Linear))
        centres = torch.stack(means)
        with torch.no_grad():
            linear.weight.copy_(2 * centres)
            linear.bias.copy_(-centres.square().sum(1))
        return adapted


def _with_linear_head(task: Classification) -> Classification:
    """The task with the head that this learner builds, to be described in a checkpoint."""
    found = type(task)(**{**task._arguments, "head": nn.Linear})
    found.load_state_dict(task.state_dict())
    found.classes = list(task.classes)
    return found.to(task.class_frequencies.device)
