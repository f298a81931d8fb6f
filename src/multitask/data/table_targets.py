"""The targets of a table's rows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from pandas import Series
from torch import Tensor

from multitask.data.table_inputs import TableInputs, report_cells
from multitask.tables.box_columns import corners
from multitask.tables.box_list_columns import box_lists
from multitask.tables.cleaning import Findings
from multitask.tables.input_columns import InputColumns
from multitask.tables.label_columns import label_numbers
from multitask.tables.map_columns import map_files
from multitask.tables.table_rows import TableRows
from multitask.tables.target_cells import Cell, blank, class_numbers, hot_numbers, numbers
from multitask.tables.target_columns import TargetColumns
from multitask.tables.target_remarks import table_remarks, target_remarks
from multitask.tables.token_columns import token_numbers


@dataclass
class TableTargets:
    """The targets of all rows.

    Attributes:
        values: by task, first axis ``[rows]``; maps are stored in files instead.
        map_files: for tasks whose targets are maps, the file of each row, empty if it has none.
        without_map: the rows that are skipped because a map's file lies outside its folder.
        remarks: possible problems.
    """

    values: dict[str, Tensor] = field(default_factory=dict)
    map_files: dict[str, list[str]] = field(default_factory=dict)
    without_map: set[int] = field(default_factory=set)
    remarks: list[str] = field(default_factory=list)


def read_targets(
    rows: TableRows,
    columns: Mapping[str, TargetColumns],
    missing: Sequence[str | int | float],
    findings: Findings,
    inputs: TableInputs,
    input_columns: Mapping[str, InputColumns],
) -> TableTargets:
    """Read the targets of a table's rows.

    Args:
        rows: the rows.
        columns: columns of the targets by task.
        missing: values that mark a missing cell, besides the empty cell.
        findings: collects the cells that cannot be used.
        inputs: inputs of the same rows.
        input_columns: columns of the inputs by name.

    Raises:
        InputError: if the policy for a finding is ``error``.
    """
    found = TableTargets()
    all_matched = set(inputs.matched)
    known: dict[str, Series] = {}
    for name, target in columns.items():
        own: set[str] = set()
        words = (*missing, *target.missing)
        cells = {each: blank(rows.table[each], words, own) for each in target.names}
        all_matched |= own
        if target.map is not None:
            files, lost = map_files(rows, name, target, cells[target.names[0]], findings)
            found.map_files[name] = files
            found.without_map |= lost
            continue
        if target.tokens_of is None:
            found.values[name], problems = _read(name, target, cells)
        else:
            tokenizer = input_columns[target.tokens_of].tokenizer
            assert tokenizer is not None
            texts = inputs.texts[target.tokens_of]
            found.values[name], problems = token_numbers(target, cells, texts, tokenizer)
        report_cells(rows, problems, findings)
        if target.boxes is None:
            found.remarks += target_remarks(name, target, cells, own)
            known |= cells
    read = {name: each for name, each in columns.items() if not (each.map or each.boxes)}
    found.remarks += table_remarks(read, known, missing, all_matched)
    return found


def _read(
    name: str, target: TargetColumns, cells: Mapping[str, Series]
) -> tuple[Tensor, list[Cell]]:
    if target.boxes is not None:
        return box_lists(target, cells)
    if target.labels is not None:
        return label_numbers(cells, target)
    if target.classes is None:
        values, problems = numbers(cells)
        if target.box is not None:
            unreadable = {each.place for each in problems}
            values, others = corners(name, target, values, unreadable)
            problems = [*problems, *others]
        return values, problems
    if len(cells) > 1:
        return hot_numbers(cells, target.class_names)
    ((column, of_column),) = cells.items()
    return class_numbers(column, of_column, target.class_names)
