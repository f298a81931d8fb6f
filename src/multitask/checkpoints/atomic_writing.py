"""Files, checkpoints among them, that are whole or not there."""

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
        with naming(place):
            place.parent.mkdir(parents=True, exist_ok=True)
        with writing(place) as part:
            save_content(checkpoint, part)

    def load_checkpoint(self, path: str | Path, *args: Any, **kwargs: Any) -> dict[str, Any]:
        """Load as Lightning does; `InputError` if the file is not a checkpoint."""
        with explained():
            return super().load_checkpoint(path, *args, **kwargs)


def save_content(content: dict[str, Any], path: Path) -> None:
    """Write a checkpoint to a path, such as one that `writing` gives.

    Args:
        content: of the checkpoint.
        path: of the file.

    Raises:
        OSError: if it cannot be written.
    """
    # Of a path torch would say that it "fails to enforce" something, and not why.
    with naming(path), path.open("wb") as file:
        torch.save(content, file)


@contextmanager
def writing(place: Path, is_lasting: bool = True) -> Iterator[Path]:
    """Give a path to write to, and move what was written there to its place.

    If anything fails, what was at the place before is still there, and nothing lies beside it.

    Args:
        place: of the file.
        is_lasting: whether the file must survive a loss of power from now on. It takes the time of
            the disk, so files on which nothing depends go without.

    Raises:
        OSError: naming the place, if it cannot be written.
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
        # The disk may not even let go of it.
        with suppress(OSError):
            part.unlink(missing_ok=True)


def write_whole(place: Path, content: str) -> None:
    """Write a text file that must survive any end of the program, see `writing`.

    Args:
        place: of the file.
        content: all of it, written as UTF-8.
    """
    with writing(place) as part:
        part.write_text(content, encoding="utf-8", newline="")


def move_into_place(part: Path, place: Path) -> None:
    """Move a finished file to its final name, so that it survives a loss of power.

    Args:
        part: a file or a folder that has been written to the disk.
        place: in the same file system.
    """
    os.replace(part, place)
    # Without it a power cut may undo the move.
    _write_to_disk(place.parent)


def _write_to_disk(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
