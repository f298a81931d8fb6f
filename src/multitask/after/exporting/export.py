"""Export of a trained model as a file for other programs."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import NamedTuple

import torch
from torch import Tensor

from multitask.after.exporting.aoti_file import check_compiler, write_aoti
from multitask.after.exporting.export_check import Check, Run
from multitask.after.exporting.export_graph import flattened, graph_of, uncompiled
from multitask.after.exporting.file_inputs import FileInput, TokenInput, file_inputs
from multitask.after.exporting.onnx_file import write_onnx
from multitask.after.exporting.onnx_model import OnnxModel
from multitask.after.exporting.tokenizer_folder import tokenizer_folder, write_tokenizer
from multitask.after.exporting.torch_export_file import write_torch_export
from multitask.after.metadata import metadata
from multitask.after.new_output import new_output, refuse_existing
from multitask.after.trained_model import TrainedModel
from multitask.errors import InputError, nearest

ENDINGS = {"onnx": ".onnx", "torch_export": ".pt2", "aoti": ".pt2"}
"""Formats that consist of a single file."""
NO_TORCHSCRIPT = (
    "TorchScript is deprecated in PyTorch, and torch.jit.script cannot compile these models; use "
    "--format=torch_export, which C++ and Python load without this package, or --format=onnx"
)


class Exported(NamedTuple):
    """A file that was written and tested."""

    path: Path
    difference: float
    """Largest difference from the model, relative to each task's spread."""
    tokenizers: list[Path]
    """Tokenizer folders beside the file, one for each text input, see `tokenizer_folder`."""


def check_format(format: str, formats: list[str]) -> None:
    """Reject an unknown format.

    Raises:
        InputError: with the known formats.
    """
    if format.lower().replace("_", "") in ("torchscript", "jit", "torch.jit"):
        raise InputError(f"--format={format}: {NO_TORCHSCRIPT}")
    if format not in formats:
        raise InputError(f"--format is {format!r}{nearest(format, formats)}")


def export(trained: TrainedModel, format: str, output: Path | str) -> Exported:
    """Write a model as a single file, from pixels, tokens and numbers to every task's predictions.

    Before the file gets its name, it is run on batches of 1, 3 and 16 samples and compared with the
    model. The tokenizer of each text is written to a folder beside it.

    Args:
        trained: the model, on the CPU; see `multitask.load`.
        format: ``onnx``, ``torch_export`` or ``aoti``, which requires a C++ compiler.
        output: path of the file, which must not exist.

    Raises:
        InputError: if the model cannot be exported, the file differs from it, the path exists, or a
            package is missing.
    """
    check_format(format, [*ENDINGS])
    place = Path(output)
    refuse_existing(place)
    if format == "aoti":
        check_compiler()
    inputs = file_inputs(trained)
    tokenizers = {
        tokenizer_folder(place, each.name): each.tokenizer
        for each in inputs
        if isinstance(each, TokenInput)
    }
    for folder in tokenizers:
        refuse_existing(folder)
    with uncompiled(trained.model):
        check = Check(trained, inputs)
        program = graph_of(trained, inputs, check.double())
    told = metadata(trained.description, list(trained.model.named_tasks))
    with ExitStack() as stack:
        # Users open this file first, so it gets its name last.
        part = stack.enter_context(new_output(place))
        for folder, tokenizer in tokenizers.items():
            write_tokenizer(tokenizer, stack.enter_context(new_output(folder)))
        if format == "onnx":
            write_onnx(program, inputs, list(check.expected[0]), told, part)
        elif format == "aoti":
            write_aoti(program, told, part)
        else:
            write_torch_export(program, told, part)
        found = check.largest_difference(lambda path: RUNS[format](path, inputs), part)
    return Exported(place, found, list(tokenizers))


def _onnx(path: Path, inputs: Sequence[FileInput]) -> Run:
    model = OnnxModel(path)

    def run(*values: Tensor) -> dict[str, Tensor]:
        given = {each.name: one.numpy() for each, one in zip(inputs, values, strict=True)}
        return {name: torch.from_numpy(each) for name, each in model(given).items()}

    return run


def _torch_export(path: Path, inputs: Sequence[FileInput]) -> Run:
    module = torch.export.load(path).module()

    def run(*values: Tensor) -> dict[str, Tensor]:
        with torch.no_grad():
            return flattened(module(*values))

    return run


def _aoti(path: Path, inputs: Sequence[FileInput]) -> Run:
    package = torch._inductor.aoti_load_package(str(path))
    return lambda *values: flattened(package(*values))


RUNS = {"onnx": _onnx, "torch_export": _torch_export, "aoti": _aoti}
"""By format, a function that makes a predictor from a file and its inputs."""
