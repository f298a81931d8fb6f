"""The shared part of a model, as an encoder for a new task."""

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
"""Number of axes of a tensor with a vector for each place."""


class Trunk(Encoder):
    """The outputs of a sharing scheme's trunk, each reduced to a vector, concatenated.

    For `multitask.sharing.MMoE` these are the representation and every shared expert, for
    `multitask.sharing.CrossStitch` the column of every task. Task-specific parts of a scheme, such
    as a mixture, are not used: a new task has none, and its head reads everything.

    Args:
        encoder: the model's encoder.
        sharing: class of the scheme, see `multitask.MultiTask`.
        tasks: names of the model's tasks.
        out_features: total number of features.
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
    """The encoder for a new task.

    Args:
        model: a model, whose trunk is used, or an encoder, which is returned unchanged.
        inputs: inputs of one sample or more, in the order of the model's inputs.

    Returns:
        The model's own encoder if the tasks share nothing else; otherwise a `Trunk` with the
        model's weights.

    Raises:
        InputError: if the model does not record how its trunk was built.
    """
    trunk = model if isinstance(model, Encoder) else model.encoder
    if isinstance(trunk, Encoder):
        return trunk
    assert isinstance(model, MultiTask)
    told: Mapping[str, Any] = model.hparams
    if any(told.get(name) is None for name in ("encoder", "sharing")):
        raise InputError(
            "the model does not record how its encoder and sharing scheme were built; use "
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
    # Trusted: the model in memory has already run the classes that its settings name.
    with weights_are_in(None, downloads=False):
        made: Encoder = made_from_recipe(described, kind, "encoder", "the model", trust=True)
    made.load_state_dict({f"trunk.{name}": each for name, each in trunk.state_dict().items()})
    like = next(trunk.parameters())
    return made.to(like.device, like.dtype)


def _vectors(form: Form, found: Any) -> Iterator[Tensor]:
    """A vector for each part of a trunk's output, ``[batch, features]``."""
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
