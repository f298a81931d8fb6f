"""The inputs of a table's rows, except images."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from torch import Tensor

from multitask.errors import InputError
from multitask.tables.cleaning import Finding, Findings
from multitask.tables.input_cells import column_values, shown_text, written_texts
from multitask.tables.input_columns import InputColumns
from multitask.tables.table_rows import TableRows
from multitask.tables.target_cells import Cell, blank
from multitask.tables.target_columns import TargetColumns

MISSING = "missing_input"


@dataclass
class TableInputs:
    """The inputs of all rows.

    Attributes:
        values: by input, first axis ``[rows]``: tokens of a text, or numbers and categories.
        texts: by text input, the original texts.
        missing: by input, which rows lack it, shape ``[rows]``, bool.
        matched: those words for missing values that occur in a cell.
        remarks: possible problems.
    """

    values: dict[str, Tensor] = field(default_factory=dict)
    texts: dict[str, list[str]] = field(default_factory=dict)
    missing: dict[str, Tensor] = field(default_factory=dict)
    matched: set[str] = field(default_factory=set)
    remarks: list[str] = field(default_factory=list)


def check_inputs(
    inputs: Mapping[str, InputColumns],
    targets: Mapping[str, TargetColumns],
    image_column: str | None,
    image_folder: Path | None,
    image_ending: str,
) -> None:
    """Refuse inputs that contradict each other, the targets or the image settings.

    Args:
        inputs: columns of the inputs by name.
        targets: columns of the targets by task.
        image_column: column of image names, if any.
        image_folder: folder of the images, if given.
        image_ending: suffix of image names, if given.

    Raises:
        InputError: naming the setting and what is expected.
    """
    if image_column is None:
        if not inputs:
            raise InputError(
                "image_column is null and there are no inputs, so there is nothing to learn from; "
                "give inputs, such as {text: {column: review}}, or image_column"
            )
        for name, given in (("image_folder", image_folder), ("image_ending", image_ending)):
            if given:
                raise InputError(
                    f"{name} is given, but image_column is null, so there are no images; remove "
                    f"{name}, or give image_column"
                )
        for task, target in targets.items():
            if target.map is not None or target.box is not None or target.boxes is not None:
                raise InputError(
                    f"targets, '{task}': maps and boxes need images, but image_column is "
                    "null; give image_column"
                )
    if same := sorted(set(inputs) & set(targets)):
        raise InputError(f"'{same[0]}' is the name of an input and of a target; rename one of them")
    held = {name: task for task, each in targets.items() for name in each.names}
    for name, each in inputs.items():
        if also := [column for column in each.names if column in held]:
            raise InputError(
                f"inputs, '{name}': column '{also[0]}' is also the target '{held[also[0]]}', which "
                "would give the answer away; remove it from one of them"
            )


def read_inputs(
    rows: TableRows,
    inputs: Mapping[str, InputColumns],
    missing: Sequence[str | int | float],
    findings: Findings,
) -> tuple[TableInputs, set[int]]:
    """Read the inputs of a table's rows.

    Args:
        rows: the rows.
        inputs: columns of the inputs by name.
        missing: values that mark a missing cell, besides the empty cell.
        findings: collects the cells that cannot be used, and the rows that lack an input.

    Returns:
        The inputs, and the indices of the rows that are skipped because they lack one.

    Raises:
        InputError: if the policy for a finding is ``error``.
    """
    found, gone = TableInputs(), set[int]()
    for name, columns in inputs.items():
        words = (*missing, *columns.missing)
        cells = {each: blank(rows.table[each], words, found.matched) for each in columns.names}
        if columns.is_text:
            assert columns.tokenizer is not None
            written = written_texts(columns, cells)
            tokenized = columns.tokenizer(written)
            found.values[name] = tokenized.tokens
            found.texts[name] = [shown_text(each) for each in written]
            found.missing[name] = tokenized.is_empty
            if (cut := int(tokenized.is_cut.sum())) > 0:
                found.remarks.append(_cut(name, cut, len(rows), columns.tokenizer.length))
        else:
            values, problems, too_fine = column_values(columns, cells)
            report_cells(rows, problems, findings)
            found.values[name], found.missing[name] = values, values.isnan().all(1)
            found.remarks += [_too_fine(name, each) for each in too_fine]
        lacking = found.missing[name].nonzero().flatten().tolist()
        which = ", ".join(columns.names)
        reason = (
            f"the input '{name}' is missing: its {'text' if columns.is_text else 'row'} is empty"
        )
        findings.add([Finding(rows.row(each), MISSING, reason, which) for each in lacking])
        if findings.policy(MISSING) == "skip":
            gone |= set(lacking)
        elif lacking:
            found.remarks.append(_lacking(name, len(lacking), len(rows)))
    return found, gone


def report_cells(rows: TableRows, cells: Sequence[Cell], findings: Findings) -> None:
    """Report cells that cannot be used, in the order of their rows.

    Args:
        rows: the rows.
        cells: cells of any column.
        findings: collects the cells.

    Raises:
        InputError: if the policy for a cell is ``error``.
    """
    findings.add(
        [
            Finding(rows.row(cell.place), cell.kind, cell.reason, cell.column, cell.hint)
            for cell in sorted(cells, key=lambda cell: cell.place)
        ]
    )


def _cut(name: str, cut: int, rows: int, length: int) -> str:
    return (
        f"input '{name}': {cut:,} of {rows:,} texts have more than {length} tokens and are "
        f"truncated; data.init_args.inputs.{name}.tokenizer.init_args.length sets the limit"
    )


def _lacking(name: str, lacking: int, rows: int) -> str:
    return (
        f"input '{name}': {lacking:,} of {rows:,} rows lack it; skip such rows with "
        f"data.init_args.cleaning.{MISSING}=skip"
    )


def _too_fine(name: str, column: str) -> str:
    return (
        f"input '{name}': the numbers of column '{column}' lie too close together for 32 bits; "
        "subtract a common number, such as the first day of all days"
    )
