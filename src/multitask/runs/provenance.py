"""Where a run comes from: command, code, packages, machine."""

from __future__ import annotations

import os
import platform
import shlex
import subprocess
import sys
from importlib.metadata import distributions
from pathlib import Path
from typing import Any

import torch


def provenance() -> dict[str, Any]:
    """Describe what is needed to run the same again, beside the configuration.

    Returns:
        ``command``, ``folder`` (where it ran), ``git`` (commit and whether there are uncommitted
        changes; None outside a repository), ``sweep`` (id of the W&B sweep whose agent started it,
        or None), ``python``, ``platform``, ``devices`` and ``packages`` (name to version).
    """
    return {
        "command": shlex.join(["multitask", *sys.argv[1:]]),
        "folder": str(Path.cwd()),
        "git": git_state(Path.cwd()),
        "sweep": os.environ.get("WANDB_SWEEP_ID"),
        "python": platform.python_version(),
        "platform": platform.platform(),
        "devices": _devices(),
        "packages": _packages(),
    }


def git_state(folder: Path) -> dict[str, Any] | None:
    """The commit of the repository around a folder, and whether there is more than the commit.

    Args:
        folder: any folder.

    Returns:
        ``commit`` and ``dirty`` (a tracked file is changed, or a file is neither tracked nor
        ignored), or None outside a repository and where there is no git.
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
    # Each access to it reads the file anew.
    read = [each.metadata for each in distributions()]
    found = {each["Name"]: each["Version"] for each in read}
    return dict(sorted(found.items(), key=lambda item: item[0].lower()))
