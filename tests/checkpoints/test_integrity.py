"""A checkpoint that was cut or changed is told from a whole one."""

from __future__ import annotations

import struct
import zipfile
from pathlib import Path

import pytest
import torch

from multitask.checkpoints.integrity import damage


@pytest.fixture
def checkpoint(tmp_path: Path) -> Path:
    path = tmp_path / "last.ckpt"
    torch.save({"weights": torch.arange(1000.0), "more": torch.ones(50), "step": 4}, path)
    return path


def test_whole_file(checkpoint: Path) -> None:
    assert damage(checkpoint) is None


@pytest.mark.parametrize("share", [0.0, 0.1, 0.5, 0.99])
def test_cut_anywhere(checkpoint: Path, share: float) -> None:
    content = checkpoint.read_bytes()
    checkpoint.write_bytes(content[: int(share * len(content))])
    assert "incomplete" in (damage(checkpoint) or "")


def test_one_changed_byte_in_any_record(checkpoint: Path) -> None:
    content = checkpoint.read_bytes()
    with zipfile.ZipFile(checkpoint) as archive:
        records = archive.infolist()
    for record in records:
        name, start = record.filename, record.header_offset
        # A local header has 30 bytes, then a name and more, whose lengths are its last entries.
        before = 30 + sum(struct.unpack("<HH", content[start + 26 : start + 30]))
        place = start + before + record.file_size // 2
        changed = content[:place] + bytes([content[place] ^ 1]) + content[place + 1 :]
        checkpoint.write_bytes(changed)
        assert f"record {name} has changed" in (damage(checkpoint) or ""), name


def test_folders_and_missing_files_are_others_business(tmp_path: Path) -> None:
    assert damage(tmp_path) is None
    assert damage(tmp_path / "nothing.ckpt") is None
