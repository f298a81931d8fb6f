"""A run's checkpoints as versions of a model at Weights & Biases."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch
from lightning.pytorch import Callback, LightningModule, Trainer

from multitask.module import MultiTask
from multitask.runs.folder import CONFIG, config_of
from multitask.runs.summary import best_score
from multitask.runs.wandb_client import nothing_lost
from multitask.runs.wandb_run import wandb_runs

FILE = "model.ckpt"
"""Lightning's name for the checkpoint in an artifact."""


class CheckpointArtifacts(Callback):
    """Send ``best.ckpt`` and ``last.ckpt`` to W&B once training has finished.

    They are versions of the artifact ``model-<run id>`` of type ``model``, with the aliases
    ``best`` and ``latest``. If both are of the same step, only the last is sent, with both aliases.
    The artifact also contains the run's ``config.yaml``, so that the program can test the
    checkpoint, or continue from it, wherever it is downloaded.

    Args:
        folder: the run's folder.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def on_fit_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Hand copies to W&B, which sends them while the run continues, or when it is synced."""
        assert isinstance(pl_module, MultiTask)
        known = {"best_score": best_score(pl_module), "tasks": list(pl_module.named_tasks)}
        for run in wandb_runs(trainer):
            with nothing_lost():
                self._send(run, known)

    def _send(self, run: Any, known: dict[str, Any]) -> None:
        import wandb

        for path, aliases in _versions(self.folder / "checkpoints"):
            metadata = {**_progress(path), **known}
            artifact = wandb.Artifact(f"model-{run.id}", "model", metadata=metadata)
            # W&B copies added files, because a resumed run overwrites its checkpoints; another copy
            # in
            # its cache would be redundant.
            add = artifact.add_dir if path.is_dir() else artifact.add_file
            add(str(path), name=FILE, skip_cache=True)
            artifact.add_file(str(config_of(self.folder)), name=CONFIG, skip_cache=True)
            run.log_artifact(artifact, aliases=aliases)


def _versions(folder: Path) -> Iterator[tuple[Path, list[str]]]:
    best, last = folder / "best.ckpt", folder / "last.ckpt"
    if best.exists() and last.exists() and _progress(best) == _progress(last):
        # The weights are the same, but only the last checkpoint can be resumed from.
        yield last, ["best", "latest"]
        return
    # The last checkpoint comes last: W&B gives the newest version the alias `latest`.
    for path, alias in ((best, "best"), (last, "latest")):
        if path.exists():
            yield path, [alias]


def _progress(checkpoint: Path) -> dict[str, int]:
    # Sharded parameters are saved as a folder.
    file = checkpoint / "meta.pt" if checkpoint.is_dir() else checkpoint
    content: dict[str, Any] = torch.load(file, map_location="cpu", weights_only=True, mmap=True)
    return {"epoch": content["epoch"], "step": content["global_step"]}
