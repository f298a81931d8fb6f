"""A disk that is full from a chosen write on, until it has room again."""

from __future__ import annotations

import builtins
import errno
import io
import os
from pathlib import Path
from typing import Any

import pytest


class FullDisk:
    """Counts what is written below a folder, and takes no more from the n-th write on.

    Args:
        folder: the disk.
        patch: puts everything back.
    """

    def __init__(self, folder: Path, patch: pytest.MonkeyPatch) -> None:
        self.folder = str(folder.resolve())
        self.writes: list[str] = []
        self.full_from: int | None = None
        self._open, self._os_open, self._mkdir = builtins.open, os.open, os.mkdir
        for module in (builtins, io):
            patch.setattr(module, "open", self._opened)
        patch.setattr(os, "open", self._os_opened)
        patch.setattr(os, "mkdir", self._made)

    def take(self, path: Any) -> None:
        """Let something be written, or not."""
        self.writes.append(os.path.relpath(path, self.folder))
        if self.full_from is not None and len(self.writes) > self.full_from:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    def is_on_it(self, path: Any) -> bool:
        """Whether a path lies on the disk."""
        return isinstance(path, str | os.PathLike) and str(Path(path).absolute()).startswith(
            self.folder
        )

    def _opened(
        self, file: Any, mode: str = "r", buffering: int = -1, *args: Any, **more: Any
    ) -> Any:
        if not self.is_on_it(file) or not set(mode) & set("wax+"):
            return self._open(file, mode, buffering, *args, **more)
        if not Path(file).exists():
            self.take(file)
        raw = _Raw(file, mode.replace("b", "").replace("t", ""))
        raw.disk = self
        if buffering == 0:
            return raw
        if "b" in mode:
            return io.BufferedWriter(raw)
        return io.TextIOWrapper(io.BufferedWriter(raw), *args, **more)

    def _os_opened(self, path: Any, flags: int, *args: Any, **more: Any) -> int:
        if self.is_on_it(path) and flags & os.O_CREAT:
            self.take(path)
        return self._os_open(path, flags, *args, **more)

    def _made(self, path: Any, *args: Any, **more: Any) -> None:
        if self.is_on_it(path) and not Path(path).exists():
            self.take(path)
        self._mkdir(path, *args, **more)


class _Raw(io.FileIO):
    disk: FullDisk

    def write(self, content: Any) -> int:
        try:
            self.disk.take(self.name)
        except OSError:
            # The last block takes a part of it.
            super().write(bytes(content)[: len(content) // 2])
            raise
        return super().write(content)
