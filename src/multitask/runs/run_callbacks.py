"""The program's own callbacks for each verb of the Trainer."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from lightning.pytorch import Callback

from multitask.callbacks import (
    BestCheckpoint,
    Figures,
    GradientTelemetry,
    LastCheckpoint,
    LearnedSharing,
    LearningCurves,
    PredictionTable,
    ProgressBar,
    RandomState,
    SourceEvaluation,
)
from multitask.data import DataModule
from multitask.module import MultiTask
from multitask.runs.checkpoint_artifacts import CheckpointArtifacts
from multitask.runs.data_record import DataRecord
from multitask.runs.lightning_callbacks import has_bar, listed
from multitask.runs.loggers import METRICS
from multitask.runs.monitors import best_is_highest
from multitask.runs.record import RunRecord


def run_callbacks(
    verb: str,
    config: Any,
    model: MultiTask,
    data: DataModule,
    record: RunRecord,
    training: Sequence[Callback],
    trained: Path | None = None,
) -> list[Callback]:
    """Choose the program's own callbacks.

    Args:
        verb: ``fit``, ``validate``, ``test`` or ``predict``.
        config: the settings, with ``trainer`` and ``run``.
        model: the model.
        data: the data.
        record: the callback that writes the run's record into its folder.
        training: further callbacks that a training needs.
        trained: folder of the run whose checkpoint is loaded, if any.
    """
    trainer, settings, folder = config.trainer, config.run, record.folder
    has_none = trainer.enable_progress_bar is False or has_bar(trainer.callbacks)
    bar: list[Callback] = [] if has_none else [ProgressBar()]
    if trainer.fast_dev_run:
        return bar
    # Before the record, so that a run whose data forbid resuming writes nothing.
    callbacks = [*bar, DataRecord(folder, trained), record]
    if verb == "predict":
        return [*callbacks, PredictionTable(folder / "predictions.csv")]
    if sources := list(data.source_rows("val")):
        callbacks.append(SourceEvaluation(sources))
    drawings = folder / "figures" if settings.figures else None
    callbacks.append(GradientTelemetry(drawings and drawings / "gradients.png"))
    if drawings:
        callbacks.append(Figures(drawings))
    if verb != "fit":
        return callbacks
    theirs = listed(trainer.callbacks)
    is_highest = best_is_highest(settings.monitor, model, data, trainer, theirs)
    callbacks += [*training, LearnedSharing(drawings and drawings / "sharing.png")]
    if drawings:
        callbacks.append(LearningCurves(folder / METRICS, drawings / "learning.png"))
    if trainer.enable_checkpointing is not False:
        checkpoints = folder / "checkpoints"
        last = LastCheckpoint(checkpoints, settings.keep_last)
        callbacks += [
            RandomState(),
            BestCheckpoint(checkpoints, settings.monitor, is_highest),
            last,
        ]
        if settings.artifacts:
            callbacks.append(CheckpointArtifacts(folder))
    return callbacks
