"""The format of checkpoints: its version, and the upgrade of older ones."""

from __future__ import annotations

from collections.abc import Mapping
from importlib.metadata import version
from typing import Any

from lightning.pytorch import LightningModule

from multitask.checkpoints.calibrations import take_calibrations
from multitask.checkpoints.changes import keep_changed
from multitask.checkpoints.fits import check_fits
from multitask.checkpoints.states import check_states
from multitask.errors import InputError

KEY = "multitask"
TRAINING_IMAGES = "training_images"
TRAINED = "trained_weights"
"""Named weights that training continues with, if the model is used with other ones."""
START = "start"
"""Which weights a run started from, see `multitask.checkpoints.start`."""
BESIDE = (TRAINING_IMAGES, START)
"""Entries stored beside the description, which is small and is copied with every model."""
ENSEMBLE = "ensemble"
"""Key of an ensemble's members in the stamp."""
EPISODES = "episodes"
"""Key in the description: true for a model trained on episodes, which adapts to each of them."""
FORMAT = 2
"""1: training state was stored in ``progress``. 2: it is stored as the state of callbacks."""


def stamp(checkpoint: dict[str, Any], description: dict[str, Any] | None) -> None:
    """Add to a checkpoint, before it is saved, what is needed to read it.

    Args:
        checkpoint: receives the format and the package's version.
        description: the model's inputs and outputs, see `multitask.training.description`.
    """
    checkpoint[KEY] = {"format": FORMAT, "version": version("multitask")}
    if description is not None:
        told = {name: each for name, each in description.items() if name not in BESIDE}
        beside = {name: description.get(name) for name in BESIDE}
        checkpoint[KEY] |= {"description": told, **beside}


def take_up(model: LightningModule, checkpoint: dict[str, Any]) -> None:
    """Check a loaded checkpoint and convert it to the current format, in place.

    Args:
        model: the model that the checkpoint will be loaded into.
        checkpoint: the loaded content.

    Raises:
        InputError: if it belongs to another model, naming the difference, or has a later format.
    """
    _upgrade(checkpoint)
    found = checkpoint.get(KEY, {})
    refuse_ensemble(checkpoint)
    if (told := found.get("description")) is not None:
        told = {**told, **{name: found.get(name) for name in BESIDE}}
    model.description = told
    is_fit = model._trainer is not None and model.trainer.state.fn == "fit"
    # A calibration does not fit weights that are trained further.
    tasks: Any = model.named_tasks
    take_calibrations(tasks, None if told is None or is_fit else told.get("tasks"))
    if is_fit:
        _continue_with_trained(checkpoint)
        keep_changed(checkpoint, model.state_dict(), dict(model.hparams))
    # With sharded parameters the strategy has already loaded the weights.
    if "state_dict" in checkpoint:
        check_fits(checkpoint["state_dict"], model.state_dict())
    if is_fit:
        check_states(checkpoint.get("callbacks", {}), model.trainer.callbacks)  # type: ignore[attr-defined]
    if model._trainer is not None and model.trainer.precision == "64-true":
        # Lightning does so only after loading, which would round the weights.
        model.double()


def _continue_with_trained(checkpoint: dict[str, Any]) -> None:
    trained = checkpoint.get(TRAINED)
    if trained is None:
        return
    if "state_dict" not in checkpoint:
        raise InputError(
            "the checkpoint contains averaged weights, from which training with sharded parameters "
            "cannot continue; use the ddp strategy"
        )
    checkpoint["state_dict"] = {**checkpoint["state_dict"], **trained}


def is_ensemble(checkpoint: Mapping[str, Any]) -> bool:
    """Return whether a checkpoint from any source is that of an ensemble."""
    stamp = checkpoint.get(KEY)
    return isinstance(stamp, dict) and stamp.get(ENSEMBLE) is not None


def is_of_episodes(checkpoint: Mapping[str, Any]) -> bool:
    """Return whether a checkpoint, from any source, is that of a model that adapts to episodes."""
    stamp = checkpoint.get(KEY)
    description = stamp.get("description") if isinstance(stamp, dict) else None
    return isinstance(description, dict) and description.get(EPISODES) is True


def refuse_ensemble(checkpoint: Mapping[str, Any]) -> None:
    """Refuse an ensemble where a single network is expected.

    Args:
        checkpoint: the loaded content.

    Raises:
        InputError: naming the verbs that accept it.
    """
    if is_ensemble(checkpoint):
        raise InputError(
            "the checkpoint is of an ensemble, which is not one network to train or test further; "
            "multitask evaluate tests it, and multitask predict, export and serve accept it like "
            "any checkpoint"
        )


def _upgrade(checkpoint: dict[str, Any]) -> None:
    found = checkpoint.get(KEY, {"format": 1})
    if found["format"] > FORMAT:
        raise InputError(
            f"the checkpoint was written by multitask {found['version']}, in format "
            f"{found['format']}, but this version reads formats up to {FORMAT}; update the package"
        )
    progress = checkpoint.pop("progress", None)
    if progress is not None and "callbacks" in checkpoint:
        checkpoint["callbacks"] |= {
            "StepLog": progress["step_log"],
            "EpochLog": {"metrics": progress["metrics"]},
            "SkippedSteps": {"count": progress.get("skipped", 0)},
        }
