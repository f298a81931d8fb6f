"""A graph as a file of ``torch.export``."""

from __future__ import annotations

import json
from pathlib import Path

import torch
from torch.export import ExportedProgram

from multitask.after.metadata import KEY

EXTRA = f"{KEY}.json"
"""Name of the file inside it that contains the description of its model."""


def write_torch_export(program: ExportedProgram, told: str, path: Path) -> None:
    """Write a graph as a file that ``torch.export.load`` reads.

    Args:
        program: see `multitask.after.exporting.export_graph.graph_of`.
        told: the file's description of itself, see `multitask.after.metadata`.
        path: path of the file, which ends in ``.pt2``.
    """
    # It would be stored as a pickle.
    program._example_inputs = None
    torch.export.save(program, path, extra_files={EXTRA: json.dumps(json.loads(told))})
