"""A model from the inputs of a file to its predictions, as a single graph."""

from __future__ import annotations

import copy
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn
from torch.export import ExportedProgram
from torch.func import functional_call
from torchvision import transforms
from torchvision.transforms import v2

from multitask.after.exporting.file_inputs import BATCH, FileInput, PixelInput
from multitask.after.exporting.quiet import quiet
from multitask.after.trained_model import TrainedModel
from multitask.encoders.low_rank_layers import changed_layers, merge_changes
from multitask.errors import InputError, one_line


class ExportGraph(nn.Module):
    """Map the inputs of a file, such as uint8 pixels, to every task's predictions.

    Args:
        trained: the model.
        inputs: inputs of the file, in the model's order.
        double: outputs that stay in double precision.
    """

    def __init__(
        self,
        trained: TrainedModel,
        inputs: Sequence[FileInput],
        double: frozenset[str] = frozenset(),
    ) -> None:
        super().__init__()
        whole = nn.ModuleList([_merged(trained.model), _newer(copy.deepcopy(trained.transforms))])
        # Not registered: torch writes the names of weights, and so of tasks, into code, where a
        # name such as `class` may be a keyword of Python.
        self._whole = (_Whole(whole, inputs, trained.precision, double),)
        self._names: dict[str, str] = {}
        for name, each in (*whole.named_parameters(), *whole.named_buffers()):
            flat = f"{re.sub(r'[^A-Za-z0-9_]', '_', name)}_{len(self._names)}"
            self._names[f"whole.{name}"] = f"weight_{flat}"
            self.register_buffer(f"weight_{flat}", each.detach())

    def forward(self, *inputs: Tensor) -> dict[str, Tensor]:
        """Compute the predictions by output, first axis ``[batch]``.

        Args:
            inputs: inputs of the file, such as ``[batch, channels, height, width]``, uint8.
        """
        weights = {name: getattr(self, flat) for name, flat in self._names.items()}
        return functional_call(self._whole[0], weights, inputs)


class _Whole(nn.Module):
    def __init__(
        self,
        whole: nn.ModuleList,
        inputs: Sequence[FileInput],
        precision: torch.dtype,
        double: frozenset[str],
    ) -> None:
        super().__init__()
        self.whole, self.inputs = whole, inputs
        self.precision, self.in_double = precision, double

    def forward(self, *given: Tensor) -> dict[str, Tensor]:
        model: Any = self.whole[0]
        pairs = zip(self.inputs, given, strict=True)
        found = model.predict(
            *(each.seen(values, self.whole[1], self.precision) for each, values in pairs)
        )
        return {
            name: each if name in self.in_double else each.float()
            for name, each in flattened(found).items()
        }


def _newer(module: nn.Module) -> nn.Module:
    """Replace transforms that branch on tensor values by equivalent ones that do not."""
    if isinstance(module, transforms.Normalize):
        return v2.Normalize(module.mean, module.std)
    for name, child in module.named_children():
        setattr(module, name, _newer(child))
    return module


def _merged(model: nn.Module) -> nn.Module:
    """Merge low-rank updates into the weights of a model."""
    if not changed_layers(model):
        return model
    model = copy.deepcopy(model)
    merge_changes(model)
    return model


def flattened(predictions: Mapping[str, Any]) -> dict[str, Tensor]:
    """Flatten predictions into one tensor per name.

    Args:
        predictions: predictions by task; if a task returns a dictionary, each entry becomes
            ``task.entry``.
    """
    found: dict[str, Tensor] = {}
    for name, each in predictions.items():
        inner = each if isinstance(each, Mapping) else {"": each}
        found |= {f"{name}.{key}" if key else name: value for key, value in inner.items()}
    return found


def graph_of(
    trained: TrainedModel, inputs: Sequence[FileInput], double: frozenset[str] = frozenset()
) -> ExportedProgram:
    """Trace a model's computation for batches of any size.

    Args:
        trained: the model, on the CPU.
        inputs: inputs of the file, in the model's order.
        double: outputs that stay in double precision.

    Raises:
        InputError: if the model cannot be traced.
    """
    graph = ExportGraph(trained, inputs, double).eval()
    with quiet(), torch.no_grad():
        try:
            program = _exported(graph, inputs)
        except Exception as error:
            raise _refusal(trained, inputs, error) from error
    for node in program.graph.nodes:
        # It contains the paths of files on this machine.
        node.meta.pop("stack_trace", None)
    return program


def _exported(graph: nn.Module, inputs: Sequence[FileInput]) -> ExportedProgram:
    examples = tuple(each.example() for each in inputs)
    # `Dim.AUTO` would silently give up on batches of other sizes.
    sizes = (tuple(each.free_axes for each in inputs),)
    return torch.export.export(graph, examples, dynamic_shapes=sizes)


class _Transforms(nn.Module):
    def __init__(self, trained: TrainedModel, image: FileInput) -> None:
        super().__init__()
        self.transforms, self.image = _newer(copy.deepcopy(trained.transforms)), image
        self.precision = trained.precision

    def forward(self, *inputs: Tensor) -> Tensor:
        return self.image.seen(inputs[0], self.transforms, self.precision)


def _refusal(trained: TrainedModel, inputs: Sequence[FileInput], error: Exception) -> InputError:
    """Name the part that cannot be exported: the transforms alone, or the model."""
    part = "the model"
    for image in inputs:
        if isinstance(image, PixelInput):
            try:
                _exported(_Transforms(trained, image), [image])
            except Exception as of_transforms:
                names = ", ".join(type(each).__name__ for each in trained.transforms)
                part, error = f"its transforms ({names})", of_transforms
    return InputError(
        f"{trained.source} cannot be exported: {part} cannot be converted to a graph: {_why(error)}"
    )


def _why(error: Exception) -> str:
    text = str(error)
    if "specialized" in text and BATCH in text:
        return (
            "the code accepts batches of one size only; make it use image.shape[1:], and the batch "
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
    """Run modules as written, without `torch.compile`."""
    before = {each: each._compiled_call_impl for each in graph.modules()}
    for each in before:
        each._compiled_call_impl = None
    try:
        yield
    finally:
        for each, compiled in before.items():
            each._compiled_call_impl = compiled
