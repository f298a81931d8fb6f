"""Policies for rows and cells that cannot be used, which are always reported."""

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
"""Kinds that concern a cell, which is then missing; all other kinds concern a row."""
MAY_BE_KEPT = (
    "symbolic_link", "duplicate_row", "equal_pixels", "empty_file_name", "missing_input",
)  # fmt: skip
COLUMNS = ["row", "file", "kind", "column", "reason", "table"]


@dataclass(frozen=True)
class Cleaning:
    """Policies for rows and cells that cannot be used.

    ``error`` stops the program with one sentence. ``skip`` skips the row, or for the last eight
    policies sets the cell to missing, and lists it. ``keep`` uses it unchanged.

    Args:
        unreadable_image: a file that is not a complete image.
        huge_image: an image with more pixels than allowed.
        missing_file: a file that does not exist.
        outside_root: a path that leads outside the folder of images.
        symbolic_link: a link that leads outside the folder of images.
        duplicate_row: a file that an earlier row already uses.
        empty_file_name: a row without an image name; ``keep`` treats the image as missing, if there
            are other inputs.
        equal_pixels: an image with the same pixels as an earlier row's image, after resizing both.
        missing_input: a row whose text, or all numbers and categories of an input, are missing;
            ``keep`` treats the input as missing.
        unknown_class: a class or label that is not in ``classes`` or ``labels``, or a map with
            pixels of such a class.
        unreadable_target: a cell that is not a number, or a list whose length differs from the
            others.
        infinite_target: a number that is infinite, or too large for float32.
        missing_map: a map file that does not exist.
        unreadable_map: a file that is not a complete map.
        other_size_map: a map whose aspect ratio differs from that of its image.
        unreadable_input: a cell of an input that is not a number.
        unknown_category: a category that is not in ``categories``.
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
    """The location of a row, for messages.

    Args:
        table: the table's file.
        number: see `multitask.tables.table_file.row_number`.
        file: name of the row's image.
    """

    table: Path
    number: int
    file: str

    def __str__(self) -> str:
        """The location as in ``photos/metadata.csv, row 17 (cat.png)``."""
        return f"{self.table}, row {self.number}" + (f" ({self.file})" if self.file else "")


@dataclass(frozen=True)
class Finding:
    """A problem of a row to which a policy applies.

    Args:
        row: the row.
        kind: name of the policy.
        reason: what is wrong.
        column: column of the cell, if it concerns one.
        hint: what may have been intended, starting with a semicolon.
    """

    row: Row
    kind: str
    reason: str
    column: str = ""
    hint: str = ""


@dataclass
class Findings:
    """All problems to which the policies were applied.

    Args:
        cleaning: the policies.
        found: the findings so far.
    """

    cleaning: Cleaning
    found: list[Finding] = field(default_factory=list)

    def add(self, findings: Sequence[Finding]) -> None:
        """Add findings of any kinds.

        Raises:
            InputError: for the first finding whose policy is ``error``.
        """
        for finding in findings:
            if self.policy(finding.kind) == "error":
                same = sum(each.kind == finding.kind for each in findings)
                raise InputError(_sentence(finding, same - 1))
        self.found += findings

    def policy(self, kind: str) -> str:
        """Return the policy for a kind: ``error``, ``skip`` or ``keep``."""
        return str(getattr(self.cleaning, kind))

    def frame(self, skipped_only: bool = False) -> DataFrame:
        """Return a table with one row per finding.

        Args:
            skipped_only: omit findings that were kept.
        """
        rows = [
            (each.row.number, each.row.file, each.kind, each.column, _told(each), each.row.table)
            for each in self.found
            if not skipped_only or self.policy(each.kind) == "skip"
        ]
        return DataFrame(rows, columns=COLUMNS).astype({"table": str})

    def summary(self) -> str:
        """Return one line with the number of skipped items by kind; empty if there are none."""
        kinds = Counter(each.kind for each in self.found if self.policy(each.kind) == "skip")
        rows = {kind: count for kind, count in kinds.items() if kind not in OF_CELLS}
        cells = {kind: count for kind, count in kinds.items() if kind in OF_CELLS}
        parts = [_counted(each, noun) for noun, each in (("row", rows), ("cell", cells)) if each]
        return f"skipped, as configured: {listed(parts)}" if parts else ""

    def nothing_left(self) -> str:
        """Explain why no row is left, if the policies have skipped all."""
        first = next(each for each in self.found if each.kind not in OF_CELLS)
        return f"no row is left; {self.summary()}, such as {first.row}: {_told(first)}"


def _told(finding: Finding) -> str:
    # The hint would list all classes, which need not be repeated for each cell.
    return finding.reason if finding.column else finding.reason + finding.hint


def _counted(kinds: Mapping[str, int], noun: str) -> str:
    number = sum(kinds.values())
    each = ", ".join(f"{kind}: {count:,}" for kind, count in kinds.items())
    return f"{number:,} {noun}{'s' if number > 1 else ''} ({each})"


def _sentence(finding: Finding, others: int) -> str:
    more = f" (and {others:,} more of this kind)" if others else ""
    where = f"column '{finding.column}': " if finding.column else ""
    what = "treat such cells as missing" if finding.kind in OF_CELLS else "skip such rows"
    policy = f"data.init_args.cleaning.{finding.kind}"
    keep = f", or keep them with {policy}=keep" if finding.kind in MAY_BE_KEPT else ""
    return (
        f"{finding.row}: {where}{finding.reason}{more}; correct it, or {what} with "
        f"{policy}=skip{keep}{finding.hint}"
    )
