"""A run's record of itself: its configuration, its origin, its best score."""

from __future__ import annotations

import math
from dataclasses import asdict
from pathlib import Path
from typing import Any

import yaml
from lightning.pytorch import Callback, LightningModule, Trainer

from multitask.checkpoints.atomic_writing import write_whole
from multitask.checkpoints.source import weight_files
from multitask.module import MultiTask
from multitask.pages.yaml_text import to_yaml
from multitask.runs.deciding_files import LOADER, write_part
from multitask.runs.folder import CONFIG, PROVENANCE, folder_of, part_file, parts
from multitask.runs.loggers import tell_configuration
from multitask.runs.metrics_file import MetricsFile
from multitask.runs.provenance import provenance
from multitask.runs.summary import forget_summary
from multitask.runs.wandb_client import nothing_lost
from multitask.runs.wandb_run import wandb_runs


class RunRecord(Callback):
    """Write ``config.yaml`` and ``provenance.yaml`` into the run's folder and to W&B.

    A resumed run writes ``config-2.yaml`` and ``provenance-2.yaml``, and its metrics continue from
    its checkpoint.

    Args:
        folder: the run's folder. The folder of the first process is used, because each process that
            torchrun or SLURM starts would choose another.
        config: the whole configuration, as YAML.
    """

    def __init__(self, folder: Path, config: str) -> None:
        self.folder, self.config = folder, config
        self.best_score = -math.inf
        self._is_written = self._is_new = False
        self._metrics: MetricsFile | None = None
        self._metrics_size: int | None = None

    def state_dict(self) -> dict[str, Any]:
        """The best score so far, and the size of the metrics file at this moment."""
        size = self._metrics.size if self._metrics else None
        return {"best_score": self.best_score, "metrics_size": size}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Restore the best score, and where the metrics continue."""
        # The test at the end loads best.ckpt, which may have been chosen by another metric.
        self.best_score = max(self.best_score, state_dict["best_score"])
        self._metrics_size = state_dict.get("metrics_size")

    def setup(self, trainer: Trainer, pl_module: LightningModule, stage: str) -> None:
        """Write and report everything about a new run once, before anything can fail."""
        self.folder = Path(trainer.strategy.broadcast(str(self.folder)))
        files = [each for each in trainer.loggers if isinstance(each, MetricsFile)]
        self._metrics = files[0] if files else None
        for run in wandb_runs(trainer):
            with nothing_lost():
                _define_metrics(run, pl_module)
        if not parts(self.folder, CONFIG):
            self._is_new = True
            self._write(trainer)

    def on_train_batch_end(self, trainer: Trainer, *args: Any) -> None:
        """Write the configuration of a resumed run after its first batch.

        An attempt that fails earlier leaves the run unchanged.
        """
        self._write(trainer)

    def _write(self, trainer: Trainer) -> None:
        if self._is_written or not trainer.is_global_zero:
            return
        self._is_written = True
        origin = provenance() | _sources(trainer.lightning_module)
        # A run that is trained further has not finished.
        forget_summary(self.folder)
        write_part(self.folder, CONFIG, self.config)
        write_whole(part_file(self.folder, PROVENANCE), to_yaml(origin))
        config = {**yaml.load(self.config, Loader=LOADER), "_provenance": origin}
        for run in wandb_runs(trainer):
            with nothing_lost():
                run.config.update(config, allow_val_change=True)
        tell_configuration(trainer, config)

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Remove the metrics of steps that will be repeated."""
        if self._metrics:
            # A new run may start from a checkpoint of another run, whose metrics are elsewhere.
            size = None if self._is_new else self._metrics_size
            self._metrics.rewind(trainer.global_step, size)
            # A second training starts from no checkpoint, so there is nothing to remove.
            self._metrics_size = None

    def on_validation_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Keep the best score in W&B's summary."""
        if trainer.sanity_checking:
            return
        score = float(trainer.callback_metrics.get("val/score", math.nan))
        if score > self.best_score:
            self.best_score = score
            for run in wandb_runs(trainer):
                with nothing_lost():
                    run.summary["best/score"] = score


def _sources(model: LightningModule) -> dict[str, Any]:
    """The weight files that a training starts from, and the runs that they come from."""
    found = []
    for each in weight_files(model):
        folder = folder_of(Path(each.path))
        found.append({**asdict(each), "run": folder and folder.name})
    return {"started_from": found} if found else {}


def _define_metrics(run: Any, module: LightningModule) -> None:
    assert isinstance(module, MultiTask)
    # val/score stays a plain number, because a sweep cannot optimise a summary of several.
    for name, higher_is_better in module.evaluations.directions():
        ends = {True: "max,last", False: "min,last", None: "last"}
        run.define_metric(name, summary=ends[higher_is_better])
