"""Why a column of a table is not used, and how it could be."""

from __future__ import annotations

from multitask.inspection.column_kinds import Column


def why_left_out(column: Column) -> str:
    """Explain why a column is not a target.

    Args:
        column: a column of neither classes nor numbers.
    """
    if column.kind == "group":
        empty = f"fill its {column.missing:,} empty cells, and " if column.missing else ""
        return (
            "it names things that occur in several rows; if they must not be in two splits, "
            f"{empty}divide by them with multitask.data.splits.GroupedSplit and by: {column.name}"
        )
    reasons = {
        "image": "it names other image files",
        "identifier": "it identifies rows and contains nothing to learn",
        "text": "it is free text",
        "constant": "it is constant",
        "empty": "all its cells are empty",
        "split": "it seems to name splits, but another column does so too",
        "classes": "it is not used",
        "numbers": "it is not used",
        "labels": "it is not used",
    }
    reason = reasons[column.kind]
    if column.kind == "text" and column.remark:
        return column.remark
    return f"{reason} ({column.remark})" if column.remark else reason
