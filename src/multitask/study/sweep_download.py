"""Downloads a sweep's runs from a W&B server into folders like those of local runs."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import wandb

from multitask.errors import InputError
from multitask.pages.yaml_text import to_yaml
from multitask.runs.folder import CONFIG, PROVENANCE
from multitask.runs.wandb_run import SAVED
from multitask.study.sweep import STATE

RUNNING = "running"


def download(path: str, folder: Path) -> list[str]:
    """Download the runs that have ended, except those downloaded before.

    Args:
        path: ``ENTITY/PROJECT/ID`` of the sweep.
        folder: folder in which one folder per run is created.

    Returns:
        The names of the runs that are still running.

    Raises:
        InputError: if there is no such sweep, or the server cannot be reached.
    """
    try:
        runs = list(wandb.Api().sweep(path).runs)
    except (wandb.errors.Error, ValueError) as error:
        reason = str(error).splitlines()[0]
        raise InputError(f"the sweep {path} cannot be fetched from W&B: {reason}") from error
    running = [str(run.name) for run in runs if run.state == RUNNING]
    for run in runs:
        if run.state != RUNNING:
            _download_run(run, folder / str(run.id))
    return running


def _download_run(run: Any, folder: Path) -> None:
    # Written last, so that it marks a complete download.
    if (folder / STATE).exists():
        return
    folder.mkdir(parents=True, exist_ok=True)
    config = dict(run.config)
    origin = config.pop("_provenance", None)
    for name, content in ((CONFIG, config), (PROVENANCE, origin)):
        text = to_yaml(content)
        (folder / name).write_text(text, encoding="utf-8")
    for file in run.files(names=list(SAVED)):
        file.download(root=str(folder), replace=True)
    (folder / STATE).write_text(run.state, encoding="utf-8")
