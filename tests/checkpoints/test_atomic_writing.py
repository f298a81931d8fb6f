"""A checkpoint is whole or not there, whatever happens while it is written."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest
import torch

from multitask.checkpoints.atomic_writing import AtomicCheckpointIO


def test_saves_what_it_loads(tmp_path: Path) -> None:
    path = tmp_path / "new" / "last.ckpt"
    AtomicCheckpointIO().save_checkpoint({"weights": torch.arange(3), "step": 4}, path)
    found = AtomicCheckpointIO().load_checkpoint(path, weights_only=True)
    assert found["weights"].tolist() == [0, 1, 2]
    assert found["step"] == 4
    assert [each.name for each in path.parent.iterdir()] == ["last.ckpt"]


def test_failure_in_the_middle_keeps_the_checkpoint_before(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "last.ckpt"
    AtomicCheckpointIO().save_checkpoint({"step": 1}, path)

    def disk_full(content: Any, file: Any) -> None:
        file.write(b"half of it")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(torch, "save", disk_full)
    with pytest.raises(OSError, match="No space left"):
        AtomicCheckpointIO().save_checkpoint({"step": 2}, path)
    assert torch.load(path, weights_only=True) == {"step": 1}
    assert [each.name for each in tmp_path.iterdir()] == ["last.ckpt"]


def test_is_on_the_disk_before_it_takes_its_place(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    happened: list[str] = []
    sync, replace = os.fsync, os.replace

    def fsync(descriptor: int) -> None:
        happened.append("sync")
        sync(descriptor)

    def move(source: Path, target: Path) -> None:
        happened.append("move")
        replace(source, target)

    monkeypatch.setattr(os, "fsync", fsync)
    monkeypatch.setattr(os, "replace", move)
    AtomicCheckpointIO().save_checkpoint({"step": 1}, tmp_path / "last.ckpt")
    assert happened == ["sync", "move", "sync"]


def test_other_places_than_local_files_are_left_to_lightning() -> None:
    AtomicCheckpointIO().save_checkpoint({"step": 1}, "memory://checkpoints/last.ckpt")
    found = AtomicCheckpointIO().load_checkpoint(
        "memory://checkpoints/last.ckpt", weights_only=True
    )
    assert found == {"step": 1}
    assert not Path("memory:").exists()
