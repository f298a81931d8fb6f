"""Checks that run before a run's folder is created."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from lightning.pytorch import Trainer

from multitask.callbacks import KeepTasks, TaskAffinity, Unfreezing
from multitask.callbacks.robust_evaluation import RobustEvaluation
from multitask.checkpoints.changes import refuse_changes
from multitask.checkpoints.fits import check_fits
from multitask.checkpoints.format import refuse_ensemble
from multitask.checkpoints.reading import read_checkpoint
from multitask.data import DataModule
from multitask.errors import InputError
from multitask.module import MultiTask
from multitask.pages.words import listed
from multitask.runs.averaged_rates import check_averaged_rates
from multitask.runs.beginning import begin_with, taking_images
from multitask.runs.folder import config_of, folder_of
from multitask.runs.lightning_callbacks import check_callbacks
from multitask.runs.loggers import is_at_wandb
from multitask.runs.monitors import check_monitors
from multitask.runs.settings import RunSettings
from multitask.training.data_check import check_data
from multitask.training.encoder_inputs import check_encoder_inputs, encoder_of
from multitask.training.look_check import check_looks
from multitask.training.optimization import try_optimizer
from multitask.training.preparation import check_ways

SPLIT_OF_VERB = {"fit": "train", "validate": "val", "test": "test", "predict": "test"}


def check(
    verb: str,
    model: MultiTask,
    data: DataModule,
    checkpoint: str | None,
    weights: str | None = None,
) -> None:
    """Reject data and checkpoints that the model cannot use; load initial weights.

    Args:
        verb: ``fit``, ``validate``, ``test`` or ``predict``.
        model: the model.
        data: the data.
        checkpoint: path of the checkpoint to load, if any.
        weights: see `multitask.runs.beginning.begin_with`.

    Raises:
        InputError: with a suggestion of what would be valid.
    """
    try:
        data.setup()
        if weights is not None:
            begin_with(weights, model, data)
        check_data(model.named_tasks, data, SPLIT_OF_VERB[verb], checkpoint is not None)
    except InputError as error:
        if verb != "predict":
            raise
        command = f"multitask predict {checkpoint or 'CHECKPOINT'} IMAGES"
        what = "for new images, without labels or a split, use another command"
        raise InputError(f"{error}; {what}: {command}") from error
    _try_encoder(model, data)
    if verb == "fit":
        data.train_dataloader()
        check_looks(model, data)
    if checkpoint is not None:
        try:
            content = read_checkpoint(Path(checkpoint))
            refuse_ensemble(content)
            if verb == "fit" and content.get("hyper_parameters"):
                refuse_changes(content["hyper_parameters"], dict(model.hparams), _anew(checkpoint))
            check_fits(content["state_dict"], model.state_dict())
        except InputError as error:
            raise InputError(f"{checkpoint}: {error}") from error


def _anew(checkpoint: str) -> str:
    folder = folder_of(Path(checkpoint))
    config = config_of(folder) if folder else "..."
    return f"multitask fit --config={config} --run.weights={checkpoint} and what you change"


def check_length(trainer: Any, data: DataModule, checkpoint: str | None) -> None:
    """Reject invalid settings of a training's length and of its steps.

    Args:
        trainer: the Trainer's settings.
        data: the data.
        checkpoint: path of the checkpoint to resume from, if any.

    Raises:
        InputError: with a suggestion of what would be valid.
    """
    clip = trainer.gradient_clip_val
    if clip is not None and not clip >= 0:
        raise InputError(
            f"trainer.gradient_clip_val is {clip}; give a number above 0, or null to clip nothing"
        )
    interval, batches = trainer.val_check_interval, len(data.train_dataloader())
    in_batches = isinstance(interval, int) and not isinstance(interval, bool)
    if in_batches and interval > batches and trainer.check_val_every_n_epoch is not None:
        raise InputError(
            f"trainer.val_check_interval is {interval}; an epoch has {batches} batches, so give at "
            "most that, or a fraction of an epoch such as 0.5"
        )
    if checkpoint is not None and trainer.max_epochs is not None:
        done: Any = read_checkpoint(Path(checkpoint))
        for key in ("loops", "fit_loop", "epoch_progress", "current", "processed"):
            done = done.get(key) if isinstance(done, dict) else None
        if isinstance(done, int) and 0 <= trainer.max_epochs < done:
            raise InputError(
                f"trainer.max_epochs is {trainer.max_epochs}; {checkpoint} has been trained for "
                f"{done} epochs already, so give more than that"
            )


def check_artifacts(settings: RunSettings, trainer: Any) -> None:
    """Reject settings that promise checkpoints to W&B if it would get none.

    Args:
        settings: the settings of the run.
        trainer: the Trainer's settings.

    Raises:
        InputError: with a suggestion of what would be valid.
    """
    if not settings.artifacts or trainer.fast_dev_run:
        return
    if not is_at_wandb(trainer.logger, settings):
        raise InputError(
            "run.artifacts is true, but the run is not recorded at W&B; set --run.wandb=online or "
            "--run.wandb=offline, or remove run.artifacts"
        )
    if trainer.enable_checkpointing is False:
        raise InputError(
            "run.artifacts is true, but trainer.enable_checkpointing is false; set it to true, or "
            "remove run.artifacts"
        )


def check_evaluations(callbacks: Sequence[Any], model: MultiTask, data: DataModule) -> None:
    """Reject attacks and corruptions that the model or the data do not support.

    Args:
        callbacks: the user's callbacks.
        model: the model.
        data: the data.

    Raises:
        InputError: with a suggestion of what would be valid.
    """
    for each in callbacks:
        if isinstance(each, RobustEvaluation):
            each.check(model, data)


def prepare_kept(
    callbacks: Sequence[Any], model: MultiTask, data: DataModule, is_training: bool
) -> None:
    """Add the tasks of an old run to the data, with the old run's statistics.

    Args:
        callbacks: the user's callbacks.
        model: the model.
        data: the data.
        is_training: whether the old run's model is needed.

    Raises:
        InputError: if the old model is missing, or has other tasks.
    """
    for each in callbacks:
        if isinstance(each, KeepTasks):
            each.prepare(model, data, is_training)


def check_training(
    callbacks: Sequence[Any], model: MultiTask, data: DataModule, trainer: Trainer
) -> None:
    """Reject what cannot work in this training, from its strategy to its callbacks.

    Args:
        callbacks: the user's callbacks.
        model: the model.
        data: the data.
        trainer: the Trainer, before it trains.

    Raises:
        InputError: with a suggestion of what would be valid.
    """
    data.refuse_idle_processes(trainer.world_size)
    check_callbacks(callbacks, data, trainer)
    for each in callbacks:
        if isinstance(each, KeepTasks):
            each.check(model, data)
        elif isinstance(each, Unfreezing):
            each.check(model, trainer, data)
        elif isinstance(each, TaskAffinity):
            each.check(model, trainer)
    # As `fit` will attach them.
    trainer.datamodule = data  # type: ignore[attr-defined]
    check_ways(model, trainer)
    configured = try_optimizer(model, trainer, data)
    check_monitors(callbacks, model, data, trainer, configured)
    optimizer = configured["optimizer"] if isinstance(configured, dict) else configured
    check_averaged_rates(callbacks, optimizer)


def _try_encoder(model: MultiTask, data: DataModule) -> None:
    check_encoder_inputs(model.encoder, data, "train")
    split = data.splits["train"]
    batch = data.on_after_batch_transfer(split[torch.arange(min(3, len(split)))], 0)
    _check_images(model, batch)
    training = model.training
    model.eval()
    try:
        # Compiling for three samples would take long.
        with torch.no_grad(), torch.compiler.set_stance("force_eager"):
            encoder = encoder_of(model.encoder)
            found = _encoded(encoder, model.inputs_of(batch))
            if (misfit := encoder.form.misfit(found)) is not None:
                raise InputError(f"the encoder {type(encoder).__name__} {misfit}")
            _try_losses(model, batch)
    finally:
        model.train(training)


def _check_images(model: MultiTask, batch: dict[str, torch.Tensor]) -> None:
    if "image" in model.inputs and batch["image"].ndim != 4:
        raise InputError(
            f"the data's images have the shape {tuple(batch['image'].shape[1:])}; give each as "
            "[channels, height, width]"
        )


def _encoded(encoder: Any, inputs: list[torch.Tensor]) -> Any:
    try:
        with taking_images(encoder, inputs[0]):
            return encoder(*inputs)
    except (RuntimeError, AssertionError) as error:
        if not type(encoder).__module__.startswith("multitask."):
            # The author of an encoder needs the traceback.
            raise
        shapes = listed(str(tuple(each.shape[1:])) for each in inputs)
        what = "images" if list(encoder.inputs) == ["image"] else listed(encoder.inputs)
        raise InputError(
            f"the encoder {type(encoder).__name__} does not accept {what} of shape {shapes} "
            f"({str(error).splitlines()[0]}); set its channels or image size to fit"
        ) from error


def _try_losses(model: MultiTask, batch: dict[str, torch.Tensor]) -> None:
    outputs = model(*model.inputs_of(batch))
    for task_name, task in model.named_tasks.items():
        try:
            task.loss(outputs[task_name], batch[task_name])
        except InputError as error:
            raise InputError(f"task '{task_name}': {error}") from error
