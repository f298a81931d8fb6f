"""The data report as blocks of a page, which is also displayed on a screen."""

from __future__ import annotations

from collections.abc import Iterator

from multitask.inspection import report_answers as answers
from multitask.inspection.data_report import DataReport
from multitask.inspection.input_tables import inputs
from multitask.inspection.label_summary import LabelSummary
from multitask.inspection.report_tables import classes, number, ranges, several_labels, splits
from multitask.inspection.target_summary import FAR, ClassSummary, NumberSummary, Summary
from multitask.pages.blocks import Block, Bullets, Heading, Paragraph, Section
from multitask.pages.markdown import on_screen
from multitask.pages.words import counted

MOST_LISTED = 10
MOST_NAMED = 4


def report_blocks(report: DataReport) -> list[Block]:
    """Convert a report to the blocks of a page.

    Args:
        report: the report on the data.

    Returns:
        The blocks of a page.
    """
    parts = (
        splits,
        _remarks,
        _findings,
        _duplicates,
        _unseen,
        _outliers,
        _constants,
        inputs,
        classes,
        several_labels,
        ranges,
    )
    samples = counted(sum(report.sizes.values()), "sample")
    title = Heading(f"{report.title}: {samples}", 1)
    return [title, *(block for part in parts for block in part(report))]


def report_text(report: DataReport) -> str:
    """Convert a report to text for a screen.

    Args:
        report: the report on the data.
    """
    return on_screen(report_blocks(report))


def _remarks(report: DataReport) -> Iterator[Block]:
    if report.remarks:
        yield Section("Before you train", answers.of_remarks(report))
        yield Bullets(report.remarks)


def _findings(report: DataReport) -> Iterator[Block]:
    if report.findings.empty:
        return
    yield Section("Unusable rows and cells", answers.of_findings(report))
    several = report.findings["table"].nunique() > 1
    for kind, rows in report.findings.groupby("kind", sort=False):
        stops = sum((table, kind) in report.stops for table in rows["table"])
        those = "them" if stops == len(rows) else f"{stops:,} of them"
        told = f"; training would stop at {those}" if stops else ""
        yield Paragraph(f"{kind}: {len(rows):,}{told}")
        lines = []
        for each in rows.head(MOST_LISTED).itertuples():
            column = f"column {each.column}: " if each.column else ""
            table = f"{each.table}, " if several else ""
            file = f", {each.file}" if each.file else ""
            lines.append(f"{table}row {each.row}{file}: {column}{each.reason}")
        yield Bullets([*lines, *_more(len(rows))])


def _duplicates(report: DataReport) -> Iterator[Block]:
    across = [each for each in report.duplicates if len(each.splits) > 1]
    within = [each for each in report.duplicates if len(each.splits) == 1]
    if not report.duplicates:
        return
    yield Section("Duplicate samples", answers.of_duplicates(across, within))
    advice = "; samples seen in training cannot test a model"
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
        yield Section("Classes missing from training", answers.of_unseen(report))
        yield Bullets(lines)


def _outliers(report: DataReport) -> Iterator[Block]:
    if not report.outliers:
        return
    sizes = {each.task: each.size for each in report.targets if isinstance(each, NumberSummary)}
    yield Section("Outliers", answers.of_outliers(report, FAR))
    for task, size in sizes.items():
        found = [each for each in report.outliers if each.task == task]
        if not found:
            continue
        yield Paragraph(f"{task}: {len(found):,}")
        lines = []
        for each in found[:MOST_LISTED]:
            element = f"element {each.element} is " if size > 1 else ""
            where = f"{report.name(each.split, each.place)} ({each.split})"
            lines.append(f"{where}: {element}{number(each.value)}")
        yield Bullets([*lines, *_more(len(found))])


def _constants(report: DataReport) -> Iterator[Block]:
    left_out = [f"{_column(name)} is skipped: {why}" for name, why in report.left_out.items()]
    constant = [line for each in report.targets for line in _constant(each)]
    unlabelled = {
        each.task: [split for split, known in each.known.items() if known == 0]
        for each in report.targets
    }
    lacking = [
        f"{task} has no label in {split}" for task, splits in unlabelled.items() for split in splits
    ]
    if lines := [*left_out, *constant, *lacking]:
        tasks = sum(map(bool, unlabelled.values()))
        answer = answers.of_constants(len(left_out), len(constant), tasks)
        yield Section("Skipped, constant or unlabelled", answer)
        yield Bullets(lines)


def _constant(summary: Summary) -> Iterator[str]:
    if isinstance(summary, ClassSummary):
        if value := summary.constant():
            yield f"{summary.task} is always {value} in training"
    elif isinstance(summary, LabelSummary):
        if same := summary.constant():
            few = "label" if len(same) == 1 else "labels"
            yield f"{summary.task}, {few} {_some(same)}, always has the same answer in training"
    elif found := summary.constant_elements():
        few = "element" if len(found) == 1 else "elements"
        which = f", {few} {_some(map(str, found))}," if summary.size > 1 else ""
        yield f"{summary.task}{which} is always the same number in training"


def _column(name: str) -> str:
    return f"column {name}" if name else "the column without a name"


def _some(names: list[str] | map[str]) -> str:
    listed = list(names)
    rest = f" and {len(listed) - MOST_LISTED} more" if len(listed) > MOST_LISTED else ""
    return ", ".join(listed[:MOST_LISTED]) + rest


def _more(count: int) -> Iterator[str]:
    if count > MOST_LISTED:
        yield f"and {count - MOST_LISTED:,} more"
