"""Parts of a table of predictions, left by a killed program and reused by the next."""

from __future__ import annotations

import fcntl
import json
import os
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import IO

import pyarrow as pa
import pyarrow.parquet as pq

from multitask.after.image_list import PROBLEM
from multitask.checkpoints.atomic_writing import write_whole, writing
from multitask.errors import InputError
from multitask.pages.words import listed

KEY, LOCK, FILES, JOINED = "key.json", "lock", "files", "joined"


class PredictionParts:
    """The folder of the parts, beside the table that they form.

    Args:
        output: the table.
        key: what the table depends on, by display name.
        count: number of parts.
    """

    def __init__(self, output: Path, key: Mapping[str, str], count: int) -> None:
        self.output, self.key, self.count = output, dict(key), count
        self.folder = folder_of_parts(output)
        self.files = self.folder / FILES
        self._lock: IO[str] | None = None

    def open(self) -> None:
        """Create the folder, or reuse what a killed program has left.

        Raises:
            InputError: if another program is using it, or the parts belong to another table.
        """
        is_others = self.folder.exists() and not (self.folder / KEY).is_file()
        if is_others and (not self.folder.is_dir() or any(self.folder.iterdir())):
            raise InputError(
                f"{self.folder}, where unfinished work goes, exists but was not made by this "
                "program; move it away, or choose another name with --output="
            )
        self.folder.mkdir(parents=True, exist_ok=True)
        self._take_lock()
        if (self.folder / KEY).is_file():
            self._check_key()
        else:
            write_whole(self.folder / KEY, json.dumps(self.key, indent=1))

    def path(self, number: int, of: str = "") -> Path:
        """The file of a part.

        Args:
            number: number of the part.
            of: the table that it is a part of, if not the table of predictions.
        """
        return self.folder / f"{number:07d}{of}.parquet"

    def missing(self, rank: int, size: int) -> list[int]:
        """The missing parts that one of several processes has to make.

        Args:
            rank: rank of the process.
            size: number of processes.
        """
        own = range(rank, self.count, size)
        return [each for each in own if not self.path(each).is_file()]

    def say_joined(self) -> None:
        """Record that files at the final paths are this program's own from now on."""
        write_whole(self.folder / JOINED, "")

    def are_joined(self) -> bool:
        """Whether a program was killed while moving finished files to their final paths."""
        return (self.folder / JOINED).is_file()

    def write(self, table: pa.Table, number: int, of: str = "") -> None:
        """Write a part completely or not at all."""
        with writing(self.path(number, of)) as part:
            pq.write_table(table, part)

    def problems(self, number: int) -> int:
        """The number of images of a part that could not be used."""
        column = pq.read_table(self.path(number), columns=[PROBLEM]).column(0)
        return len(column) - column.null_count

    def remove(self) -> None:
        """Remove the folder once the table exists."""
        self.close()
        shutil.rmtree(self.folder)

    def close(self) -> None:
        """Let other programs use the folder."""
        if self._lock is not None:
            self._lock.close()

    def _take_lock(self) -> None:
        self._lock = (self.folder / LOCK).open("a")
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise InputError(
                f"another program is writing {self.output}; wait for it, or choose another name "
                "with --output="
            ) from error

    def _check_key(self) -> None:
        try:
            found = json.loads((self.folder / KEY).read_text(encoding="utf-8"))
        except (OSError, ValueError):
            found = {}
        found = found if isinstance(found, dict) else {}
        others = [name for name, value in self.key.items() if found.get(name) != value]
        if others:
            raise InputError(
                f"{self.folder} contains the unfinished work of another command: "
                f"{listed(others)} {'differ' if len(others) > 1 else 'differs'}; give the same "
                "again, remove that folder, or choose another name with --output="
            )


def folder_of_parts(output: Path) -> Path:
    """The folder of a table's parts until the table is finished."""
    return output.with_name(f"{output.name}.parts")


def move_without_loss(part: Path, place: Path) -> None:
    """Move a finished file to its final path, which must not exist.

    Args:
        part: the file.
        place: final path.

    Raises:
        InputError: if the path exists.
    """
    try:
        os.link(part, place)
    except FileExistsError as error:
        raise InputError(
            f"{place} was created in the meantime; move it away and run the same command again"
        ) from error
    except OSError:
        # A file system without hard links, or a different one.
        if place.exists():
            raise InputError(f"{place} was created in the meantime; move it away") from None
        shutil.move(part, place)
    part.unlink(missing_ok=True)
