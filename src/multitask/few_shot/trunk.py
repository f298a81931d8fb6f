"""What the tasks of a model share, as an encoder for a task that the model does not know."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

from multitask.checkpoints.loading import made_from_recipe
from multitask.checkpoints.source import weights_are_in
from multitask.encoders import Encoder
from multitask.encoders.forms import Form
from multitask.errors import InputError
from multitask.module import MultiTask
from multitask.sharing import SharingCallable

SEQUENCE = 3
"""Axes of a tensor with a vector for each place."""


class Trunk(Encoder):
    """All that a sharing scheme runs once for its tasks, each part as a vector, side by side.

    Of `multitask.sharing.MMoE` these are the representation and every shared expert, of
    `multitask.sharing.CrossStitch` the column of every task. The parts that a scheme has for
    each task, such as a mixture, are left out: a new task has none, and its head reads everything.

    Args:
        encoder: the model's encoder.
        sharing: class of the scheme, see `multitask.MultiTask`.
        tasks: names of the tasks that share it.
        out_features: number of features of all parts.
    """

    def __init__(
        self, encoder: Encoder, sharing: SharingCallable, tasks: list[str], out_features: int
    ) -> None:
        super().__init__()
        self.inputs = tuple(encoder.inputs)
        self.out_features, self.part = out_features, encoder.form
        self.trunk = sharing(encoder.form, tasks).trunk(encoder)

    def forward(self, *inputs: Tensor) -> Tensor:
        """Encode; returns ``[batch, out_features]``."""
        return torch.cat(list(_vectors(self.part, self.trunk(*inputs))), 1)


def encoder_of(model: MultiTask | Encoder, inputs: Sequence[Tensor]) -> Encoder:
    """The encoder that a new task reads.

    Args:
        model: a model, whose trunk is meant, or an encoder, which is returned as it is.
        inputs: of one sample or more, in the order of the model's inputs.

    Returns:
        The model's own encoder if its tasks share that alone; else a `Trunk` with the weights of
        the model's.

    Raises:
        InputError: if the model does not tell how its trunk was made.
    """
    trunk = model if isinstance(model, Encoder) else model.encoder
    if isinstance(trunk, Encoder):
        return trunk
    assert isinstance(model, MultiTask)
    told: Mapping[str, Any] = model.hparams
    if any(told.get(name) is None for name in ("encoder", "sharing")):
        raise InputError(
            "the model does not tell how its encoder and its sharing scheme were made; give it "
            "classes that can be imported"
        )
    part = next(each for each in trunk.modules() if isinstance(each, Encoder)).form
    was_training = trunk.training
    with torch.no_grad():
        size = sum(each.shape[1] for each in _vectors(part, trunk.eval()(*inputs)))
    trunk.train(was_training)
    settings = {name: told[name] for name in ("encoder", "sharing")}
    settings |= {"tasks": list(model.tasks), "out_features": size}
    described = {"class_path": f"{Trunk.__module__}.{Trunk.__qualname__}", "init_args": settings}
    kind: Any = Encoder
    # Trusted: the model that is in memory has run the classes that its settings name.
    with weights_are_in(None, downloads=False):
        made: Encoder = made_from_recipe(described, kind, "encoder", "the model", trust=True)
    made.load_state_dict({f"trunk.{name}": each for name, each in trunk.state_dict().items()})
    like = next(trunk.parameters())
    return made.to(like.device, like.dtype)


def _vectors(form: Form, found: Any) -> Iterator[Tensor]:
    """A vector of each part of what a trunk returned, ``[batch, features]``."""
    if form.misfit(found) is None:
        yield form.vector(found)
    elif isinstance(found, Tensor):
        if found.is_floating_point():
            yield _pooled(found)
    else:
        for each in found.values() if isinstance(found, dict) else found:
            yield from _vectors(form, each)


def _pooled(values: Tensor) -> Tensor:
    """Means over a map ``[batch, channels, height, width]`` or ``[batch, places, features]``."""
    if values.ndim > SEQUENCE:
        return values.flatten(2).mean(2)
    return values.mean(1) if values.ndim == SEQUENCE else values
