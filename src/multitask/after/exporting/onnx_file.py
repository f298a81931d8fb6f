"""A graph as an ONNX file."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from torch.export import ExportedProgram

from multitask.after.exporting.file_inputs import BATCH, FileInput
from multitask.after.exporting.quiet import quiet
from multitask.after.metadata import KEY
from multitask.configuration.extras import require
from multitask.errors import InputError, one_line

OPSET = 20
LARGEST = 2 * 10**9
"""Largest size in bytes; the format cannot store more in one file."""


def write_onnx(
    program: ExportedProgram,
    inputs: Sequence[FileInput],
    names: list[str],
    told: str,
    path: Path,
) -> None:
    """Write a graph as one ONNX file.

    Args:
        program: see `multitask.after.exporting.export_graph.graph_of`.
        inputs: inputs of the graph.
        names: names of its outputs.
        told: the file's description of itself, see `multitask.after.metadata`.
        path: path of the file.

    Raises:
        InputError: if ONNX cannot express the graph, it is too large, or a package is missing.
    """
    for package in ("onnx", "onnxscript", "onnxruntime"):
        require(package, "export")
    size = sum(each.nbytes for each in program.state_dict.values())
    if size > LARGEST:
        raise InputError(
            f"the model has {size / 1e9:.1f} GB of weights, but an ONNX file can hold 2 GB; use "
            "--format=torch_export"
        )
    try:
        with quiet():
            made: Any = torch.onnx.export(
                program,
                (),
                input_names=[each.name for each in inputs],
                output_names=names,
                opset_version=OPSET,
                dynamo=True,
                external_data=False,
                verbose=False,
            )
    except Exception as error:
        raise InputError(f"the model cannot be converted to ONNX: {_reason(error)}") from error
    _tidy(made.model, inputs)
    made.model.metadata_props[KEY] = told
    made.save(path, external_data=False)


def _tidy(model: Any, inputs: Sequence[FileInput]) -> None:
    """Give values names that no task has, and remove the paths of files on this machine."""
    graph = model.graph
    kept = {id(each) for each in (*graph.inputs, *graph.outputs)}
    _name_axes([*graph.inputs, *graph.outputs], inputs)
    model.doc_string = graph.doc_string = None
    inside = list(graph.initializers.values())
    for place, node in enumerate(graph.all_nodes()):
        node.name, node.doc_string = f"node.{place}", None
        node.metadata_props.clear()
        inside += node.outputs
    for place, value in enumerate(inside):
        value.metadata_props.clear()
        if id(value) not in kept:
            # A task's name contains no dot.
            value.name = f"value.{place}.{value.name or ''}"


def _name_axes(values: list[Any], inputs: Sequence[FileInput]) -> None:
    """Name each axis of any size, of inputs and outputs, after what it counts."""
    names: dict[str, str] = {}
    for value, each in zip(values, inputs, strict=False):
        for axis, name in each.free_axes.items():
            size = value.shape[axis]
            if isinstance(size, int) or size.value is None:
                what = "batches" if name.__name__ == BATCH else "texts"
                raise InputError(
                    f"the model cannot be converted to ONNX: it would accept {what} of one size "
                    "only"
                )
            names[size.value] = name.__name__
    for value in values:
        for axis, size in enumerate(value.shape):
            if not isinstance(size, int) and size.value in names:
                value.shape[axis] = names[size.value]


def _reason(error: Exception) -> str:
    deepest: BaseException = error
    while deepest.__cause__ is not None:
        deepest = deepest.__cause__
    text = str(deepest).strip().splitlines()
    return one_line(text[0])[:300] if text else type(deepest).__name__
