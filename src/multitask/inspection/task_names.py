"""Conversion of column names to task names."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Collection

from torch import nn

from multitask.tasks.naming import TAKEN


def task_name(column: str, taken: Collection[str] = ()) -> str:
    """Convert a column's name to a similar valid task name: ``weight (g)`` becomes ``weight_g``.

    Args:
        column: name of the column.
        taken: names of other tasks.
    """
    plain = unicodedata.normalize("NFKD", column).encode("ascii", "ignore").decode()
    name = re.sub(r"[^A-Za-z0-9_-]+", "_", plain).strip("_-") or "target"
    if not name[0].isalpha():
        name = f"target_{name}"
    if name in TAKEN or hasattr(nn.ModuleDict(), name):
        name = f"{name}_task"
    free, count = name, 1
    while free in taken:
        count += 1
        free = f"{name}_{count}"
    return free
