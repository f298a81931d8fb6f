"""The sizes of a study's networks."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from multitask.pages.blocks import Block, Heading, Paragraph, Table
from multitask.study.comparison import costs
from multitask.study.plan import SINGLE_TASK
from multitask.study.results import SIZES, Results

COLUMNS = {
    "parameters": "parameters",
    "shared_parameters": "shared",
    "own_parameters": "of single tasks",
    "head_parameters": "heads",
    "trainable_parameters": "trained",
    "multiply_adds": "multiply-adds of a sample",
}
"""Column headings by part of a cost."""


def size_table(results: Results) -> Iterator[Block]:
    """Each method's parameters by use, and multiply-adds; nothing if none are known."""
    table = costs(results).loc[results.methods]
    known = [name for name in COLUMNS if name in table.columns and table[name].notna().any()]
    if not set(known) & set(SIZES[1:]):
        return
    yield Heading("Size of the networks", 3)
    yield Table(
        ["method", *(COLUMNS[name] for name in known)],
        [[str(method), *(_whole(row[name]) for name in known)] for method, row in table.iterrows()],
    )
    remarks = [
        "Parameters of each network: all; those that several tasks may use; those that a sharing "
        "scheme gives to one task; those of the heads; those that were trained in the last step. "
        "Multiply-adds are of a forward pass, in matrix products and convolutions."
    ]
    if SINGLE_TASK in results.methods:
        remarks.append(f"'{SINGLE_TASK}' is the sum over its networks.")
    yield Paragraph(" ".join(remarks))


def _whole(value: Any) -> str:
    return "" if value != value else f"{value:,.0f}"
