"""Checkpoints that are whole or not there."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import torch
from lightning.fabric.plugins.io import TorchCheckpointIO

from multitask.checkpoints.reading import explained


class AtomicCheckpointIO(TorchCheckpointIO):
    """Writes a checkpoint beside its place, to the disk, and only then moves it there.

    A process that is killed, or a disk that is full, leaves the checkpoint before it as it was.
    """

    def save_checkpoint(
        self, checkpoint: dict[str, Any], path: str | Path, storage_options: Any = None
    ) -> None:
        """Save to a local path; anything else, such as ``s3://``, is left to Lightning.

        Raises:
            OSError: naming the checkpoint, if it cannot be written.
        """
        if "://" in str(path):
            super().save_checkpoint(checkpoint, path, storage_options)
            return
        place = Path(path)
        place.parent.mkdir(parents=True, exist_ok=True)
        part = place.with_name(f"{place.name}.part")
        try:
            with part.open("wb") as file:
                torch.save(checkpoint, file)
                file.flush()
                os.fsync(file.fileno())
            move_into_place(part, place)
        except (OSError, RuntimeError) as error:
            if (cause := _system_error(error)) is None:
                raise
            raise OSError(cause.errno, cause.strerror, str(place)) from error
        finally:
            part.unlink(missing_ok=True)

    def load_checkpoint(self, path: str | Path, *args: Any, **kwargs: Any) -> dict[str, Any]:
        """Load as Lightning does; `InputError` for a file that is no checkpoint."""
        with explained():
            return super().load_checkpoint(path, *args, **kwargs)


def _system_error(error: BaseException | None) -> OSError | None:
    # torch has errors of its own for a file that cannot be written.
    while error is not None and not isinstance(error, OSError):
        error = error.__cause__ or error.__context__
    return error


def move_into_place(part: Path, place: Path) -> None:
    """Move a finished file to its final name, so that it survives a loss of power.

    Args:
        part: a file or a folder that has been written to the disk.
        place: in the same file system.
    """
    os.replace(part, place)
    # Without it a power cut may undo the move.
    descriptor = os.open(place.parent, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
