"""Preparation of a training or test: checks of the data, and synchronised processes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from lightning.pytorch import Trainer
from lightning.pytorch.strategies import DeepSpeedStrategy, FSDPStrategy, ModelParallelStrategy
from lightning.pytorch.utilities import rank_zero_warn

from multitask.checkpoints.calibrations import take_calibrations
from multitask.checkpoints.format import START, TRAINING_IMAGES
from multitask.checkpoints.start import digest_of_start
from multitask.checkpoints.training_images import with_images_of_sources
from multitask.errors import InputError
from multitask.training.batch_norm import synchronize_batch_norm
from multitask.training.data_check import (
    check_data,
    name_disordered,
    name_left_behind,
    name_unlabelled,
)
from multitask.training.description import describe
from multitask.training.encoder_inputs import (
    check_encoder_inputs,
    check_precision,
    learn_input_statistics,
)
from multitask.training.freed_memory import keep_freed_memory
from multitask.training.image_scale import settle_normalisation
from multitask.training.look_check import check_looks

if TYPE_CHECKING:
    from multitask.module import MultiTask

SPLIT_OF_STAGE = {"fit": "train", "validate": "val"}


def prepare(model: MultiTask, trainer: Trainer, stage: str) -> None:
    """Check the data against the tasks, and the training setup against the balancer.

    Args:
        model: the model; it learns the statistics of the training targets, and its batch
            normalisation is synchronised over the processes.
        trainer: the Trainer.
        stage: ``fit``, ``validate``, ``test`` or ``predict``.

    Raises:
        InputError: says what to change.
    """
    data = getattr(trainer, "datamodule", None)
    has_begun = getattr(trainer, "ckpt_path", None) is not None
    split = SPLIT_OF_STAGE.get(stage, "test")
    check_data(model.named_tasks, data, split, has_begun)
    # An ensemble has an encoder for each member, all with the same inputs.
    member = getattr(model, "members", [model])[0]
    check_encoder_inputs(member.encoder, data, split)
    if stage != "fit":
        return
    name_unlabelled(model.named_tasks, data)
    name_disordered(model.named_tasks)
    name_left_behind(model.named_tasks, data)
    take_calibrations(model.named_tasks, None)
    described = describe(model.named_tasks, data)
    images = with_images_of_sources(described[TRAINING_IMAGES], model)
    model.description = {**described, TRAINING_IMAGES: images, START: digest_of_start(model)}
    settle_normalisation(model.encoder, data)
    if not has_begun:
        learn_input_statistics(model.encoder, data)
    if trainer.strategy.root_device.type == "cpu":
        keep_freed_memory()
    _join_batch_norm(model, trainer)
    check_looks(model, data)
    check_ways(model, trainer)
    _warn_of_episodes(model, data)
    model.balancer.connect(model.encoder)


def check_ways(model: MultiTask, trainer: Trainer) -> None:
    """Reject a precision, strategy or data that the model's way of training does not allow.

    It may be called again, such as before a run's folder is created and when training starts.

    Args:
        model: the model.
        trainer: the Trainer, which has the data.

    Raises:
        InputError: says what to change.
    """
    sharding = FSDPStrategy | ModelParallelStrategy | DeepSpeedStrategy
    sharded, precision = isinstance(trainer.strategy, sharding), str(trainer.precision)
    check_precision(model.encoder, precision)
    model.balancer.check_run(precision, sharded, trainer.world_size)
    model.training_pass.prepare(model, trainer)
    if sharded and model.skipped.most:
        raise InputError("model.skips only works with whole parameters; set it to 0")


def _join_batch_norm(model: MultiTask, trainer: Trainer) -> None:
    joins = model.sync_batch_norm and model.training_pass.joins_batch_norm
    if joins and trainer.world_size > 1:
        on_gpu = trainer.strategy.root_device.type == "cuda"
        for name in ("encoder", "sharing", "heads"):
            setattr(model, name, synchronize_batch_norm(getattr(model, name), on_gpu))


def _warn_of_episodes(model: MultiTask, data: Any) -> None:
    if getattr(data, "deals_episodes", False) and model.training_pass.is_plain:
        rank_zero_warn(
            f"{type(data).__name__} provides episodes, but the model has no training_pass that "
            "adapts to them, so it learns only from the queries and ignores the supports; use "
            "one such as multitask.passes.FOMAML, or multitask.data.TrainingClasses"
        )
