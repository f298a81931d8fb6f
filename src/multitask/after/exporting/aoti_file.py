"""A graph compiled for this machine's processor, by AOTInductor."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import torch
from torch.export import ExportedProgram

from multitask.after.exporting.quiet import quiet
from multitask.after.metadata import KEY
from multitask.errors import InputError, one_line


def check_compiler() -> None:
    """Reject compilation without a compiler.

    Raises:
        InputError: with what is missing.
    """
    compiler = os.environ.get("CXX", "g++")
    if shutil.which(compiler) is None:
        raise InputError(
            f"--format=aoti compiles the model, but there is no C++ compiler {compiler}; install "
            "one, or use --format=torch_export, which needs none"
        )


def write_aoti(program: ExportedProgram, told: str, path: Path) -> None:
    """Write a package that ``torch._inductor.aoti_load_package`` loads, as C++ does.

    The package requires the same version of torch and the same kind of processor.

    Args:
        program: see `multitask.after.exporting.export_graph.graph_of`.
        told: the file's description of itself, see `multitask.after.metadata`.
        path: path of the file, which ends in ``.pt2``.

    Raises:
        InputError: if it cannot be compiled.
    """
    check_compiler()
    try:
        with quiet():
            torch._inductor.aoti_compile_and_package(
                program,
                package_path=str(path),
                inductor_configs={"aot_inductor.metadata": {KEY: told}},
            )
    except Exception as error:
        lines = str(error).strip().splitlines() or [type(error).__name__]
        raise InputError(f"the model cannot be compiled: {one_line(lines[0])[:300]}") from error
