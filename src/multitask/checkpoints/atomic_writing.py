"""Atomic writing of files, such as checkpoints: a file is either complete or absent."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import torch
from lightning.fabric.plugins.io import TorchCheckpointIO

from multitask.checkpoints.reading import explained
from multitask.errors import naming


class AtomicCheckpointIO(TorchCheckpointIO):
    """Writes a checkpoint to disk in a temporary file, and only then moves it to its place.

    If the process is killed or the disk is full, the previous checkpoint is left unchanged.
    """

    def save_checkpoint(
        self, checkpoint: dict[str, Any], path: str | Path, storage_options: Any = None
    ) -> None:
        """Save to a local path; other paths, such as ``s3://``, are left to Lightning.

        Raises:
            OSError: naming the checkpoint, if it cannot be written.
        """
        if "://" in str(path):
            super().save_checkpoint(checkpoint, path, storage_options)
            return
        place = Path(path)
        with naming(place):
            place.parent.mkdir(parents=True, exist_ok=True)
        with writing(place) as part:
            save_content(checkpoint, part)

    def load_checkpoint(self, path: str | Path, *args: Any, **kwargs: Any) -> dict[str, Any]:
        """Load as Lightning does; raise `InputError` if the file is not a checkpoint."""
        with explained():
            return super().load_checkpoint(path, *args, **kwargs)


def save_content(content: dict[str, Any], path: Path) -> None:
    """Write a checkpoint to a path, such as one that `writing` yields.

    Args:
        content: the checkpoint's content.
        path: path of the file.

    Raises:
        OSError: if it cannot be written.
    """
    # Given a path, torch reports that it "fails to enforce" something, but not why.
    with naming(path), path.open("wb") as file:
        torch.save(content, file)


@contextmanager
def writing(place: Path, is_lasting: bool = True) -> Iterator[Path]:
    """Yield a path to write to, and move the file written there to its place.

    On failure, the previous file is still in place, and no temporary file is left.

    Args:
        place: path of the file.
        is_lasting: whether the file must survive a loss of power from now on. This waits for the
            disk, so files on which nothing depends do without it.

    Raises:
        OSError: naming the file, if it cannot be written.
    """
    part = place.with_name(f"{place.name}.part")
    try:
        with naming(place):
            yield part
            if is_lasting:
                _write_to_disk(part)
                move_into_place(part, place)
            else:
                os.replace(part, place)
    finally:
        # The disk may even refuse to delete it.
        with suppress(OSError):
            part.unlink(missing_ok=True)


def write_whole(place: Path, content: str) -> None:
    """Write a text file that must survive a crash at any time, see `writing`.

    Args:
        place: path of the file.
        content: the whole content, written as UTF-8.
    """
    with writing(place) as part:
        part.write_text(content, encoding="utf-8", newline="")


def move_into_place(part: Path, place: Path) -> None:
    """Move a finished file to its final name, so that it survives a loss of power.

    Args:
        part: a file or folder that has been flushed to disk.
        place: the final path, in the same file system.
    """
    os.replace(part, place)
    # Without this, a power failure may undo the move.
    _write_to_disk(place.parent)


def _write_to_disk(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
