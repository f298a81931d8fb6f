"""Tiny images and tables of them, to be read by `multitask.data.Table`."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pandas as pd
from PIL import Image

Rows = list[dict[str, Any]]
NAMES = [f"{number}.png" for number in range(10)]


def draw(path: Path, brightness: int) -> None:
    """An image of 2x2 pixels of one colour."""
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", (2, 2), (brightness, brightness, brightness)).save(path)


def write_rows(path: Path, rows: Rows, separator: str = ",") -> None:
    """A table of the kind that its file's ending tells."""
    if path.suffix == ".parquet":
        pd.DataFrame(rows).to_parquet(path)
    elif path.suffix == ".jsonl":
        path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    else:
        with path.open("w", newline="", encoding="utf-8") as file:
            names = dict.fromkeys(name for row in rows for name in row)
            writer = csv.DictWriter(file, list(names), delimiter=separator)
            writer.writeheader()
            writer.writerows(rows)


def plain_rows(names: Iterable[str]) -> Rows:
    """Rows of files with a class, the last row's is missing, and a number, the first's is."""
    rows = [
        {"file_name": name, "species": ("cat", "dog")[place % 2], "weight": place}
        for place, name in enumerate(names)
    ]
    rows[-1]["species"] = None
    rows[0]["weight"] = None
    return rows
