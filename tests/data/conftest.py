"""Folders of tiny images with a table."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
from photo_table import NAMES, Rows, draw, plain_rows, write_rows

from multitask.data import Table
from multitask.tables.target_columns import TargetColumns


@pytest.fixture(autouse=True)
def _own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MULTITASK_CACHE", str(tmp_path / "cache"))


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    """A folder with the images ``0.png`` to ``9.png``, each brighter than the one before."""
    folder = tmp_path / "photos"
    for number in range(10):
        draw(folder / f"{number}.png", number * 20)
    return folder


@pytest.fixture
def rows() -> Rows:
    """A row for each of the photos."""
    return plain_rows(NAMES)


@pytest.fixture
def table(photos: Path) -> Callable[..., Table]:
    """Writes rows beside the photos, as ``metadata.csv`` or what is said, and makes the data."""

    def make(rows: Rows, name: str = "metadata.csv", separator: str = ",", **options: Any) -> Table:
        write_rows(photos / name, rows, separator)
        classes: Sequence[Any] = ("cat", "dog")
        targets = {
            "species": TargetColumns("species", list(classes)),
            "weight": TargetColumns("weight"),
        }
        defaults: dict[str, Any] = {
            "path": photos / name,
            "targets": targets,
            "image_size": 2,
            "batch_size": 2,
            "seed": 0,
        }
        return Table(**(defaults | options))

    return make
