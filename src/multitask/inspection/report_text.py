"""The report of data: blocks of a page, which is read on a screen as well."""

from __future__ import annotations

from collections.abc import Iterator

from multitask.inspection.data_report import DataReport
from multitask.inspection.target_summary import ClassSummary, NumberSummary
from multitask.pages.blocks import Block, Bullets, Heading, Paragraph, Table
from multitask.pages.markdown import on_screen

MOST_CLASSES = 20
MOST_ELEMENTS = 12
MOST_LISTED = 10
MOST_NAMED = 4


def report_blocks(report: DataReport) -> list[Block]:
    """Say what was found.

    Args:
        report: what was found.

    Returns:
        The blocks of a page.
    """
    parts = (_splits, _findings, _duplicates, _unseen, _outliers, _constants, _classes, _ranges)
    title = Heading(f"{report.title}: {sum(report.sizes.values()):,} samples", 1)
    return [title, *(block for part in parts for block in part(report))]


def report_text(report: DataReport) -> str:
    """Say what was found, to be read on a screen.

    Args:
        report: what was found.
    """
    return on_screen(report_blocks(report))


def _splits(report: DataReport) -> Iterator[Block]:
    yield Paragraph("Samples, and those that have a label:")
    yield Table(
        ["split", "samples", *(each.task for each in report.targets)],
        [
            [
                split,
                f"{size:,}",
                *(_share(each.known[split], each.samples[split]) for each in report.targets),
            ]
            for split, size in report.sizes.items()
        ],
    )
    for each in report.targets:
        fewer = [split for split, size in report.sizes.items() if each.samples[split] < size]
        if fewer:
            some = ", ".join(f"{each.samples[split]:,} of {split}" for split in fewer)
            yield Paragraph(f"Of {each.task}, only evenly spaced samples were looked at: {some}.")


def _findings(report: DataReport) -> Iterator[Block]:
    if report.findings.empty:
        return
    yield Heading("Rows and cells that cannot be used")
    several = report.findings["table"].nunique() > 1
    for kind, rows in report.findings.groupby("kind", sort=False):
        stops = sum((table, kind) in report.stops for table in rows["table"])
        those = "them" if stops == len(rows) else f"{stops:,} of them"
        told = f"; a training would stop at {those}" if stops else ""
        yield Paragraph(f"{kind}: {len(rows):,}{told}")
        lines = []
        for each in rows.head(MOST_LISTED).itertuples():
            column = f"column {each.column}: " if each.column else ""
            table = f"{each.table}, " if several else ""
            lines.append(f"{table}row {each.row}, {each.file}: {column}{each.reason}")
        yield Bullets([*lines, *_more(len(rows))])


def _duplicates(report: DataReport) -> Iterator[Block]:
    across = [each for each in report.duplicates if len(each.splits) > 1]
    within = [each for each in report.duplicates if len(each.splits) == 1]
    if not report.duplicates:
        return
    yield Heading("Samples with the same inputs")
    advice = "; what is known from training does not test a model"
    for found, where in ((across, f"in several splits{advice}"), (within, "in one split")):
        if not found:
            continue
        yield Paragraph(
            f"{len(found):,} groups {where}:" if len(found) > 1 else f"1 group {where}:"
        )
        lines = []
        for each in found[:MOST_LISTED]:
            named = [f"{report.name(*at)} ({at[0]})" for at in each.samples[:MOST_NAMED]]
            rest = len(each.samples) - MOST_NAMED
            lines.append(f"{' = '.join(named)}{f' = {rest:,} more' if rest > 0 else ''}")
        yield Bullets([*lines, *_more(len(found))])


def _unseen(report: DataReport) -> Iterator[Block]:
    lines = [
        f"{each.task}: {_some(names)}, in {split}"
        for each in report.targets
        if isinstance(each, ClassSummary)
        for split, names in each.unseen().items()
    ]
    if lines:
        yield Heading("Classes without a training sample")
        yield Bullets(lines)


def _outliers(report: DataReport) -> Iterator[Block]:
    if not report.outliers:
        return
    sizes = {each.task: each.size for each in report.targets if isinstance(each, NumberSummary)}
    yield Heading("Outliers, beyond 5 interquartile ranges")
    for task, size in sizes.items():
        found = [each for each in report.outliers if each.task == task]
        if not found:
            continue
        yield Paragraph(f"{task}: {len(found):,}")
        lines = []
        for each in found[:MOST_LISTED]:
            element = f"element {each.element} is " if size > 1 else ""
            where = f"{report.name(each.split, each.place)} ({each.split})"
            lines.append(f"{where}: {element}{_number(each.value)}")
        yield Bullets([*lines, *_more(len(found))])


def _constants(report: DataReport) -> Iterator[Block]:
    lines = [f"column {name} is left out: {why}" for name, why in report.left_out.items()]
    for each in report.targets:
        if isinstance(each, ClassSummary):
            if value := each.constant():
                lines.append(f"{each.task} is always {value} in training")
        elif constant := each.constant_elements():
            which = f", elements {_some(map(str, constant))}," if each.size > 1 else ""
            lines.append(f"{each.task}{which} is always the same number in training")
    lines += [
        f"{each.task} has no label in {split}"
        for each in report.targets
        for split, known in each.known.items()
        if known == 0
    ]
    if lines:
        yield Heading("Nothing to learn from, or left out")
        yield Bullets(lines)


def _classes(report: DataReport) -> Iterator[Block]:
    for each in report.targets:
        if not isinstance(each, ClassSummary):
            continue
        totals = sum(each.counts.values()).tolist()  # type: ignore[union-attr]
        order = range(len(each.classes))
        if len(each.classes) > MOST_CLASSES:
            ranked = sorted(order, key=lambda at: -totals[at])
            order = [*ranked[: MOST_CLASSES // 2], *ranked[-MOST_CLASSES // 2 :]]  # type: ignore[assignment]
        of = ", numbers of pixels" if each.is_map else ""
        yield Heading(f"{each.task}: {len(each.classes)} classes{of}")
        if len(each.classes) > MOST_CLASSES:
            half = MOST_CLASSES // 2
            yield Paragraph(f"The {half} largest and the {half} smallest:")
        counts = each.counts
        rows = [[each.classes[at], *(f"{int(c[at]):,}" for c in counts.values())] for at in order]
        yield Table(["class", *counts], rows)


def _ranges(report: DataReport) -> Iterator[Block]:
    heads = ["", "split", "lowest", "1st quartile", "median", "3rd quartile", "highest"]
    rows = []
    for each in report.targets:
        if isinstance(each, NumberSummary):
            for element in range(min(each.size, MOST_ELEMENTS)):
                name = each.task if each.size == 1 else f"{each.task}[{element}]"
                name += " (pixels)" if each.is_map else ""
                for split, values in each.quartiles.items():
                    rows.append([name, split, *map(_number, values[element])])
            if each.size > MOST_ELEMENTS:
                rows.append([f"{each.task}: {each.size - MOST_ELEMENTS} more", *[""] * 6])
    if rows:
        yield Heading("Numbers")
        yield Table(heads, rows)


def _share(count: int, of: int) -> str:
    return f"{count:,} ({100 * count / of:.3g} %)"


def _number(value: float) -> str:
    return "" if value != value else f"{value:.5g}"


def _some(names: list[str] | map[str]) -> str:
    listed = list(names)
    rest = f" and {len(listed) - MOST_LISTED} more" if len(listed) > MOST_LISTED else ""
    return ", ".join(listed[:MOST_LISTED]) + rest


def _more(count: int) -> Iterator[str]:
    if count > MOST_LISTED:
        yield f"and {count - MOST_LISTED:,} more"
