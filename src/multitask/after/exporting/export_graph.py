"""All that a model does between decoded images and predictions, as one graph."""

from __future__ import annotations

import copy
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn
from torch.export import Dim, ExportedProgram
from torch.func import functional_call
from torchvision import transforms
from torchvision.transforms import v2

from multitask.after.exporting.quiet import quiet
from multitask.after.trained_model import TrainedModel
from multitask.encoders.low_rank_layers import changed_layers, merge_changes
from multitask.errors import InputError, one_line

EXAMPLE = 5
"""Images in the batch from which the graph is made; code that takes only so many is refused."""
BATCH = "batch"


class ExportGraph(nn.Module):
    """From uint8 pixels to every task's predictions.

    Args:
        trained: the model.
        double: outputs that stay in double precision.
    """

    def __init__(self, trained: TrainedModel, double: frozenset[str] = frozenset()) -> None:
        super().__init__()
        whole = nn.ModuleList([_merged(trained.model), _newer(copy.deepcopy(trained.transforms))])
        # Not registered: a task's name is a part of its weights' names, which torch writes into
        # code, and Python may have a meaning for it, as for `class`.
        self._whole = (_Whole(whole, trained.precision, double),)
        self._names: dict[str, str] = {}
        for name, each in (*whole.named_parameters(), *whole.named_buffers()):
            flat = f"{re.sub(r'[^A-Za-z0-9_]', '_', name)}_{len(self._names)}"
            self._names[f"whole.{name}"] = f"weight_{flat}"
            self.register_buffer(f"weight_{flat}", each.detach())

    def forward(self, image: Tensor) -> dict[str, Tensor]:
        """Predict for ``[batch, channels, height, width]``, uint8; by output, ``[batch, ...]``."""
        weights = {name: getattr(self, flat) for name, flat in self._names.items()}
        return functional_call(self._whole[0], weights, (image,))


class _Whole(nn.Module):
    def __init__(
        self, whole: nn.ModuleList, precision: torch.dtype, double: frozenset[str]
    ) -> None:
        super().__init__()
        self.whole, self.precision, self.in_double = whole, precision, double

    def forward(self, image: Tensor) -> dict[str, Tensor]:
        model: Any = self.whole[0]
        found = model.predict(self.whole[1](image.to(self.precision) / 255))
        return {
            name: each if name in self.in_double else each.float()
            for name, each in flattened(found).items()
        }


def _newer(module: nn.Module) -> nn.Module:
    """Replace transforms that decide by the values of tensors by those that do the same without."""
    if isinstance(module, transforms.Normalize):
        return v2.Normalize(module.mean, module.std)
    for name, child in module.named_children():
        setattr(module, name, _newer(child))
    return module


def _merged(model: nn.Module) -> nn.Module:
    """The model without second matrices: changes of low rank are added to the weights."""
    if not changed_layers(model):
        return model
    model = copy.deepcopy(model)
    merge_changes(model)
    return model


def flattened(predictions: Mapping[str, Any]) -> dict[str, Tensor]:
    """Predictions as one tensor each.

    Args:
        predictions: by task; of a task that gives a dictionary, each entry becomes ``task.entry``.
    """
    found: dict[str, Tensor] = {}
    for name, each in predictions.items():
        inner = each if isinstance(each, Mapping) else {"": each}
        found |= {f"{name}.{key}" if key else name: value for key, value in inner.items()}
    return found


def graph_of(trained: TrainedModel, double: frozenset[str] = frozenset()) -> ExportedProgram:
    """Write down what a model computes, for batches of any size.

    Args:
        trained: the model, on the CPU.
        double: outputs that stay in double precision.

    Raises:
        InputError: if the model takes something other than images, or cannot be written down.
    """
    image = torch.zeros(EXAMPLE, *trained.format.shape, dtype=torch.uint8)
    graph = ExportGraph(trained, double).eval()
    with quiet(), torch.no_grad():
        try:
            program = _exported(graph, image)
        except Exception as error:
            raise _refusal(trained, image, error) from error
    for node in program.graph.nodes:
        # It names files of this machine.
        node.meta.pop("stack_trace", None)
    return program


def _exported(graph: nn.Module, image: Tensor) -> ExportedProgram:
    # `Dim.AUTO` would give up on batches of other sizes in silence.
    return torch.export.export(graph, (image,), dynamic_shapes=({0: Dim(BATCH, min=1)},))


def _refusal(trained: TrainedModel, image: Tensor, error: Exception) -> InputError:
    """Say which part cannot be exported: the transforms alone, or the model."""
    part = "the model"
    try:
        changed = _newer(copy.deepcopy(trained.transforms))
        _exported(nn.Sequential(changed), image.to(trained.precision))
    except Exception as of_transforms:
        names = ", ".join(type(each).__name__ for each in trained.transforms)
        part, error = f"its transforms ({names})", of_transforms
    return InputError(
        f"{trained.source} cannot be exported: {part} cannot be a graph: {_why(error)}"
    )


def _why(error: Exception) -> str:
    text = str(error)
    if "specialized" in text and BATCH in text:
        return (
            "the code takes batches of one size only; have it use image.shape[1:], and the batch "
            "only as -1 or image.shape[0]"
        )
    if "data-dependent" in text:
        return (
            "the code decides by the values of a tensor (if, while, .item()); use torch.where, or "
            "decide by settings"
        )
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return one_line(lines[0])[:300] if lines else type(error).__name__


@contextmanager
def uncompiled(graph: nn.Module) -> Iterator[None]:
    """Have modules run as they were written, whatever `torch.compile` made of them."""
    before = {each: each._compiled_call_impl for each in graph.modules()}
    for each in before:
        each._compiled_call_impl = None
    try:
        yield
    finally:
        for each, compiled in before.items():
            each._compiled_call_impl = compiled
