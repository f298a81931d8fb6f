"""The origin of a run: command, code, packages, machine."""

from __future__ import annotations

import os
import platform
import shlex
import subprocess
import sys
from importlib.metadata import Distribution, distributions
from pathlib import Path
from typing import Any

import torch

FIELDS = ("Name: ", "Version: ")
LOCAL_SWEEP = "MULTITASK_SWEEP"
"""Environment variable with the name of the local sweep that a run is a trial of."""


def provenance() -> dict[str, Any]:
    """Describe what is needed to repeat a run, in addition to the configuration.

    Returns:
        ``command``, ``folder`` (where it ran), ``git`` (commit and whether there are uncommitted
        changes; None outside a repository), ``sweep`` (id of the W&B sweep whose agent started it,
        name of the local sweep, or None), ``python``, ``platform``, ``devices`` and ``packages``
        (name to version).
    """
    return {
        "command": shlex.join(["multitask", *sys.argv[1:]]),
        "folder": str(Path.cwd()),
        "git": git_state(Path.cwd()),
        "sweep": os.environ.get("WANDB_SWEEP_ID", os.environ.get(LOCAL_SWEEP)),
        "python": platform.python_version(),
        "platform": platform.platform(),
        "devices": _devices(),
        "packages": _packages(),
    }


def git_state(folder: Path) -> dict[str, Any] | None:
    """The commit of the repository that contains a folder, and whether there are later changes.

    Args:
        folder: any folder.

    Returns:
        ``commit`` and ``dirty`` (whether a tracked file has changed, or a file is neither tracked
        nor ignored), or None outside a repository or without git.
    """
    commit = _git(folder, "rev-parse", "HEAD")
    changes = _git(folder, "status", "--porcelain")
    if commit is None or changes is None:
        return None
    return {"commit": commit, "dirty": bool(changes)}


def _git(folder: Path, *arguments: str) -> str | None:
    try:
        done = subprocess.run(["git", *arguments], cwd=folder, capture_output=True, check=True)
    except (OSError, subprocess.CalledProcessError):
        return None
    return os.fsdecode(done.stdout).strip()


def _devices() -> list[str]:
    gpus = [torch.cuda.get_device_name(index) for index in range(torch.cuda.device_count())]
    return gpus or [f"{os.cpu_count()} CPUs ({platform.processor() or platform.machine()})"]


def _packages() -> dict[str, str]:
    found = dict(filter(None, map(_name_and_version, distributions())))
    return dict(sorted(found.items(), key=lambda item: item[0].lower()))


def _name_and_version(package: Distribution) -> tuple[str, str] | None:
    """The name and version in the first lines of a package's metadata.

    Python's own reader also reads the rest, which takes most of the time of a run's record.
    """
    text = package.read_text("METADATA") or package.read_text("PKG-INFO") or ""
    lines = text.partition("\n\n")[0].splitlines()
    fields = dict(line.split(": ", 1) for line in lines if line.startswith(FIELDS))
    return (fields["Name"], fields["Version"]) if len(fields) == len(FIELDS) else None
