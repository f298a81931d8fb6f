"""What to do about rows and cells that cannot be used: told, and never silently."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from pandas import DataFrame

from multitask.errors import InputError
from multitask.pages.words import listed

Policy = Literal["error", "skip"]
PolicyOrKeep = Literal["error", "skip", "keep"]
OF_CELLS = (
    "unknown_class",
    "unreadable_target",
    "infinite_target",
    "missing_map",
    "unreadable_map",
    "other_size_map",
    "unreadable_input",
    "unknown_category",
)
"""Kinds that concern a cell, which is then missing; all others concern a row."""
MAY_BE_KEPT = (
    "symbolic_link", "duplicate_row", "equal_pixels", "empty_file_name", "missing_input",
)  # fmt: skip
COLUMNS = ["row", "file", "kind", "column", "reason", "table"]


@dataclass(frozen=True)
class Cleaning:
    """What to do where a row or a cell cannot be used.

    ``error`` ends the program with one sentence. ``skip`` leaves out the row, for the last eight
    the cell, which is then missing, and lists it. ``keep`` takes it as it is.

    Args:
        unreadable_image: a file that is not a whole image.
        huge_image: an image with more pixels than allowed.
        missing_file: a file that is not there.
        outside_root: a path that leads out of the folder of images.
        symbolic_link: a link to somewhere outside of the folder of images.
        duplicate_row: a file that an earlier row has already.
        empty_file_name: a row without the name of an image; ``keep`` takes the image as missing,
            if there are other inputs.
        equal_pixels: an image that has the pixels of an earlier row's, once both are resized.
        missing_input: a row whose text, or all of whose numbers and categories of an input, are
            missing; ``keep`` takes the input as missing.
        unknown_class: a class or label that ``classes`` or ``labels`` does not list, or a map that
            has pixels of such a class.
        unreadable_target: a cell that is not a number, or a list of another length than the others.
        infinite_target: a number that is infinite, or too large for float32.
        missing_map: a map's file that is not there.
        unreadable_map: a map's file that is not a whole map.
        other_size_map: a map whose sides have another ratio than those of its image.
        unreadable_input: a cell of an input that is not a number.
        unknown_category: a category that ``categories`` does not list.
    """

    unreadable_image: Policy = "error"
    huge_image: Policy = "error"
    missing_file: Policy = "error"
    outside_root: Policy = "error"
    symbolic_link: PolicyOrKeep = "error"
    duplicate_row: PolicyOrKeep = "error"
    empty_file_name: PolicyOrKeep = "error"
    equal_pixels: PolicyOrKeep = "keep"
    missing_input: PolicyOrKeep = "keep"
    unknown_class: Policy = "error"
    unreadable_target: Policy = "error"
    infinite_target: Policy = "error"
    missing_map: Policy = "error"
    unreadable_map: Policy = "error"
    other_size_map: Policy = "error"
    unreadable_input: Policy = "error"
    unknown_category: Policy = "error"


@dataclass(frozen=True)
class Row:
    """A row, as a person finds it.

    Args:
        table: the table's file.
        number: see `multitask.tables.table_file.row_number`.
        file: name of its image.
    """

    table: Path
    number: int
    file: str

    def __str__(self) -> str:
        """As in ``photos/metadata.csv, row 17 (cat.png)``."""
        return f"{self.table}, row {self.number}" + (f" ({self.file})" if self.file else "")


@dataclass(frozen=True)
class Finding:
    """Something about a row that a policy decides on.

    Args:
        row: the row.
        kind: name of the policy.
        reason: what is wrong.
        column: of the cell, if it is about one.
        hint: what may have been meant, from a semicolon on.
    """

    row: Row
    kind: str
    reason: str
    column: str = ""
    hint: str = ""


@dataclass
class Findings:
    """All that the policies decided on.

    Args:
        cleaning: the policies.
        found: so far.
    """

    cleaning: Cleaning
    found: list[Finding] = field(default_factory=list)

    def add(self, findings: Sequence[Finding]) -> None:
        """Add findings of any kinds.

        Raises:
            InputError: for the first of a kind whose policy is ``error``.
        """
        for finding in findings:
            if self.policy(finding.kind) == "error":
                same = sum(each.kind == finding.kind for each in findings)
                raise InputError(_sentence(finding, same - 1))
        self.found += findings

    def policy(self, kind: str) -> str:
        """The policy for a kind: ``error``, ``skip`` or ``keep``."""
        return str(getattr(self.cleaning, kind))

    def frame(self, skipped_only: bool = False) -> DataFrame:
        """A row for each finding.

        Args:
            skipped_only: leave out what was kept.
        """
        rows = [
            (each.row.number, each.row.file, each.kind, each.column, _told(each), each.row.table)
            for each in self.found
            if not skipped_only or self.policy(each.kind) == "skip"
        ]
        return DataFrame(rows, columns=COLUMNS).astype({"table": str})

    def summary(self) -> str:
        """One line with the number of each kind that was left out; empty if nothing was."""
        kinds = Counter(each.kind for each in self.found if self.policy(each.kind) == "skip")
        rows = {kind: count for kind, count in kinds.items() if kind not in OF_CELLS}
        cells = {kind: count for kind, count in kinds.items() if kind in OF_CELLS}
        parts = [_counted(each, noun) for noun, each in (("row", rows), ("cell", cells)) if each]
        return f"left out as told: {listed(parts)}" if parts else ""

    def nothing_left(self) -> str:
        """Why no row is left, if the policies have left out all."""
        first = next(each for each in self.found if each.kind not in OF_CELLS)
        return f"no row is left; {self.summary()}, first of all {first.row}: {_told(first)}"


def _told(finding: Finding) -> str:
    # What a cell may mean is one of all classes, which need not be said for each.
    return finding.reason if finding.column else finding.reason + finding.hint


def _counted(kinds: Mapping[str, int], noun: str) -> str:
    number = sum(kinds.values())
    each = ", ".join(f"{kind}: {count:,}" for kind, count in kinds.items())
    return f"{number:,} {noun}{'s' if number > 1 else ''} ({each})"


def _sentence(finding: Finding, others: int) -> str:
    more = f" (and {others:,} more of this kind)" if others else ""
    where = f"column '{finding.column}': " if finding.column else ""
    what = "take such cells as missing" if finding.kind in OF_CELLS else "leave such rows out"
    policy = f"data.init_args.cleaning.{finding.kind}"
    keep = f", or keep them with {policy}=keep" if finding.kind in MAY_BE_KEPT else ""
    return (
        f"{finding.row}: {where}{finding.reason}{more}; correct it, or {what} with "
        f"{policy}=skip{keep}{finding.hint}"
    )
