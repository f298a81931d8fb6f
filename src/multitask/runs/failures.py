"""What ends a training from outside, in one sentence: memory, disk, another process."""

from __future__ import annotations

import errno
import re
from pathlib import Path

import torch
from torch._dynamo.exc import TorchDynamoException

from multitask.callbacks.lost_process import is_connection_lost
from multitask.errors import InputError
from multitask.runs.folder import LAST
from multitask.runs.lightning_callbacks import failed_callback

NOT_WRITABLE = (errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EACCES, errno.EIO, errno.EFBIG)


def explained(error: Exception, folder: Path, batch_size: int) -> InputError | None:
    """Explain an error that a person can do something about.

    Args:
        error: what training raised.
        folder: the run's folder.
        batch_size: of a process.

    Returns:
        The sentence, None for any other error.
    """
    if isinstance(error, torch.OutOfMemoryError):
        return InputError(
            f"the GPU has no memory left for batches of {batch_size}; lower data.batch_size, and "
            "raise trainer.accumulate_grad_batches by the same factor to keep the step as it is, "
            f"or set trainer.precision to bf16-mixed; {advice(folder)}"
        )
    if isinstance(error, OSError) and error.errno in NOT_WRITABLE:
        what = error.filename or f"a file of {folder}"
        return InputError(f"{what} cannot be written ({error.strerror}); {advice(folder)}")
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
    if (taken := re.search(r"port: (\d+).*EADDRINUSE", str(error))) is not None:
        return InputError(
            f"port {taken[1]}, at which the processes were to meet, has been taken by another "
            "program; start again, or choose a port with MASTER_PORT=..."
        )
    if is_connection_lost(error):
        reason = str(error).splitlines()[0]
        return InputError(f"another process does not answer any more ({reason}); {advice(folder)}")
    return failed_callback(error)


def advice(folder: Path) -> str:
    """How to go on with a run that has ended too early.

    Args:
        folder: the run's folder.
    """
    if (folder / LAST).is_file():
        return f"go on with: multitask resume {folder}"
    return "it had not saved a checkpoint yet, so start it again"
