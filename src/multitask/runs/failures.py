"""One-sentence explanations of external failures: memory, disk, another process."""

from __future__ import annotations

import errno
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from traceback import walk_tb

import torch
from lightning.pytorch import Trainer
from lightning.pytorch.trainer.connectors import checkpoint_connector
from lightning.pytorch.trainer.states import TrainerFn
from torch._dynamo.exc import TorchDynamoException

from multitask.callbacks.first_step import FirstStep
from multitask.callbacks.lost_process import is_connection_lost
from multitask.checkpoints.named_checkpoint import LAST
from multitask.checkpoints.reading import reason_of
from multitask.errors import (
    TAKES_NO_FILE,
    InputError,
    is_in_own_code,
    system_error,
    unwritable,
)
from multitask.runs.folder import resume_of
from multitask.runs.lightning_callbacks import failed_callback
from multitask.runs.log_file import LOG
from multitask.runs.record import RunRecord

CONNECTOR = checkpoint_connector.__file__
"""The file of Lightning that restores the parts of a checkpoint."""

NOT_WRITABLE = (*TAKES_NO_FILE, errno.EACCES, errno.EPERM, errno.EIO)


@contextmanager
def explaining(record: RunRecord, batch_size: int, trainer: Trainer) -> Iterator[None]:
    """Explain errors that a user can act on, see `explained`.

    Args:
        record: the record of the run, with its folder, which may become that of the first process.
        batch_size: batch size of one process.
        trainer: the Trainer.

    Raises:
        InputError: instead of such an error.
    """
    try:
        yield
    except InputError:
        raise
    except Exception as error:
        if (sentence := explained(error, record.folder, batch_size, trainer)) is None:
            raise
        raise sentence from error


def explained(
    error: Exception, folder: Path, batch_size: int, trainer: Trainer | None = None
) -> InputError | None:
    """Explain an error that a user can act on.

    Args:
        error: the error that training raised.
        folder: the run's folder.
        batch_size: batch size of one process.
        trainer: the Trainer, if the contents of a checkpoint may be the cause.

    Returns:
        The sentence; None for any other error.
    """
    if isinstance(error, torch.OutOfMemoryError):
        return InputError(
            f"the GPU ran out of memory with batches of {batch_size}; lower data.batch_size, and "
            "raise trainer.accumulate_grad_batches by the same factor to keep the effective batch, "
            f"or set trainer.precision to bf16-mixed; {advice(folder)}"
        )
    system = system_error(error)
    # Errors that a library has handled on the way may have been harmless.
    if system is not None and system.errno in (NOT_WRITABLE if system is error else TAKES_NO_FILE):
        return unwritable(system, f"a file of {folder}", advice(folder))
    if isinstance(error, TorchDynamoException):
        reason = " ".join(str(error).strip().split("\n\n")[0].split())
        return InputError(
            f"the encoder cannot be compiled ({reason}); set model.compile to false; "
            f"{advice(folder)}"
        )
    if "Expected more than 1 value per channel when training" in str(error):
        return InputError(
            f"batch_size is {batch_size}, but the encoder's batch normalisation needs at least 2 "
            "training samples at a time; raise data.batch_size, or choose an encoder without it"
        )
    if type(error).__module__.startswith("wandb."):
        return InputError(f"W&B rejected the run ({error}); check the logger that you have set")
    if (taken := re.search(r"port: (\d+).*EADDRINUSE", str(error))) is not None:
        return InputError(
            f"port {taken[1]}, on which the processes were to meet, is in use by another "
            "program; start again, or choose a port with MASTER_PORT=..."
        )
    if is_connection_lost(error):
        reason = str(error).splitlines()[0]
        return InputError(f"another process no longer responds ({reason}); {advice(folder)}")
    if trainer is not None and trainer.ckpt_path and _is_of_checkpoint(error, trainer):
        LOG.info("the checkpoint cannot be resumed", exc_info=error)
        return InputError(
            f"{trainer.ckpt_path}: the checkpoint does not contain what a run saves "
            f"({reason_of(error)}); give another one"
        )
    return failed_callback(error)


def _is_of_checkpoint(error: Exception, trainer: Trainer) -> bool:
    """Whether an error comes from a checkpoint's contents, as they are restored or first used."""
    if isinstance(error, InputError) or is_in_own_code(error):
        return False
    places = (frame.f_code for frame, _ in walk_tb(error.__traceback__))
    if any(each.co_filename == CONNECTOR and "restore" in each.co_name for each in places):
        return True
    steps = [each for each in trainer.callbacks if isinstance(each, FirstStep)]  # type: ignore[attr-defined]
    return trainer.state.fn == TrainerFn.FITTING and not any(each.is_made for each in steps)


def advice(folder: Path) -> str:
    """How to continue a run that ended early.

    Args:
        folder: the run's folder.
    """
    if (folder / LAST).is_file():
        return f"continue with: {resume_of(folder)}"
    return "it had not saved a checkpoint yet, so start it again"
