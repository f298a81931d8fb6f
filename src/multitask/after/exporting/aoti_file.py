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
    """Refuse to compile without a compiler.

    Raises:
        InputError: saying what is missing.
    """
    compiler = os.environ.get("CXX", "g++")
    if shutil.which(compiler) is None:
        raise InputError(
            f"--format=aoti compiles the model, and there is no C++ compiler {compiler}; install "
            "one, or use --format=torch_export, which needs none"
        )


def write_aoti(program: ExportedProgram, told: str, path: Path) -> None:
    """Write a package that ``torch._inductor.aoti_load_package`` loads, as C++ does.

    It runs with the version of torch and on the kind of processor that it was made with.

    Args:
        program: see `multitask.after.exporting.export_graph.graph_of`.
        told: what the file says of itself, see `multitask.after.metadata`.
        path: of the file; it ends in ``.pt2``.

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
