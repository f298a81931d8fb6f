"""What can be checked before a run's folder is made."""

from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

import torch

from multitask.checkpoint import check_fits
from multitask.data import DataModule
from multitask.errors import InputError
from multitask.module import MultiTask

SPLIT_OF_VERB = {"fit": "train", "validate": "val", "test": "test", "predict": "test"}


def check(verb: str, model: MultiTask, data: DataModule, checkpoint: str | None) -> None:
    """Refuse data and checkpoints that the model cannot work with.

    Args:
        verb: ``fit``, ``validate``, ``test`` or ``predict``.
        model: the model.
        data: the data.
        checkpoint: path of the checkpoint that will be loaded, if any.

    Raises:
        InputError: with what would be right.
    """
    data.setup()
    model.check_data(data, SPLIT_OF_VERB[verb])
    if verb == "fit":
        data.train_dataloader()
    _try_encoder(model, data)
    if checkpoint is not None:
        try:
            check_fits(read_checkpoint(Path(checkpoint))["state_dict"], model.state_dict())
        except InputError as error:
            raise InputError(f"{checkpoint}: {error}") from error


def read_checkpoint(path: Path) -> dict[str, Any]:
    """Load a checkpoint's plain content on the CPU.

    Raises:
        InputError: if the file is missing or no checkpoint.
    """
    try:
        content = torch.load(path, map_location="cpu", weights_only=True)
    except FileNotFoundError:
        raise InputError("there is no such checkpoint") from None
    except (OSError, RuntimeError, EOFError, pickle.UnpicklingError, BadZipFile) as error:
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise InputError(f"the file cannot be read as a checkpoint ({reason})") from error
    if not isinstance(content, dict) or "state_dict" not in content:
        raise InputError("the file is no checkpoint of a run: it has no state_dict")
    return content


def _try_encoder(model: MultiTask, data: DataModule) -> None:
    split = data.splits["train"]
    batch = data.on_after_batch_transfer(split[torch.arange(min(2, len(split)))], 0)
    training, shape = model.training, tuple(batch["image"].shape[1:])
    model.eval()
    try:
        with torch.no_grad():
            model(batch["image"])
    except (RuntimeError, AssertionError) as error:
        raise InputError(
            f"the encoder {type(model.encoder).__name__} cannot take the data's images of shape "
            f"{shape} ({str(error).splitlines()[0]}); set its channels or image size to fit"
        ) from error
    finally:
        model.train(training)
