"""The part of the data report on inputs that are texts, numbers and categories."""

from __future__ import annotations

from collections.abc import Iterator

from multitask.inspection.data_report import DataReport
from multitask.inspection.input_summary import ColumnsSummary, ColumnSummary, TextSummary
from multitask.inspection.report_tables import number, share
from multitask.pages.blocks import Block, Paragraph, Section, Table
from multitask.pages.words import capital, counted, listed

MANY = 0.05
"""Fraction of truncated texts from which the report gives advice."""
MOST_COLUMNS, MOST_CATEGORIES = 40, 5


def inputs(report: DataReport) -> Iterator[Block]:
    """Describe the texts and columns, with a section for each input."""
    for each in report.inputs:
        yield from _text(each) if isinstance(each, TextSummary) else _columns(each)


def _text(summary: TextSummary) -> Iterator[Block]:
    total = sum(summary.texts.values())
    yield Section(f"{summary.name}: {counted(total, 'text')}", _of_text(summary))
    heads = [
        "split", "texts", "empty", "seen before", "seen in training", "fewest tokens", "median",
        "3rd quartile", "most", "all places filled",
    ]  # fmt: skip
    rows = []
    for split, count in summary.texts.items():
        low, _, middle, upper, high = summary.tokens[split]
        rows.append(
            [
                split,
                f"{count:,}",
                f"{summary.empty[split]:,}",
                f"{summary.repeated[split]:,}",
                f"{summary.trained[split]:,}" if split in summary.trained else "",
                *map(number, (low, middle, upper, high)),
                share(summary.full[split], count),
            ]
        )
    yield Table(heads, rows)
    if summary.words:
        frequent = ", ".join(f"{word} ({part:.0%})" for word, part in summary.words)
        yield Paragraph(
            f"Training has {counted(summary.vocabulary, 'different word')}. The words in the "
            f"most texts: {frequent}."
        )


def _of_text(summary: TextSummary) -> str:
    full, total = sum(summary.full.values()), sum(summary.texts.values())
    median = number(summary.tokens["train"][2])
    parts = [f"the median training text has {median} tokens"]
    if full:
        parts.append(f"{full / total:.2g} of all texts fill all {summary.places} places")
    if empty := sum(summary.empty.values()):
        parts.append(f"{empty:,} {'is' if empty == 1 else 'are'} empty")
    if trained := sum(summary.trained.values()):
        verb = "is" if trained == 1 else "are"
        parts.append(f"{trained:,} of other splits {verb} also in training")
    said = f"{capital(listed(parts))}."
    if full > MANY * total:
        said += " Tokens beyond the places are cut off; the tokenizer's length sets the limit."
    return said


def _columns(summary: ColumnsSummary) -> Iterator[Block]:
    of = counted(len(summary.columns), "column")
    yield Section(f"{summary.name}: {of}", _of_columns(summary))
    heads = ["column", "split", "missing", "lowest", "median", "highest", "most frequent"]
    rows = []
    for each in summary.columns[:MOST_COLUMNS]:
        for split, count in each.samples.items():
            low, _, middle, _, high = each.quartiles[split]
            limits = ["", "", ""] if each.categories else list(map(number, (low, middle, high)))
            frequent = _frequent(each, split)
            rows.append([each.name, split, share(each.missing[split], count), *limits, frequent])
    if any(each.categories for each in summary.columns):
        yield Table(heads, rows)
    else:
        yield Table(heads[:-1], [row[:-1] for row in rows])
    if (more := len(summary.columns) - MOST_COLUMNS) > 0:
        yield Paragraph(f"And {counted(more, 'more column', 'more columns')}.")


def _frequent(column: ColumnSummary, split: str) -> str:
    counts = column.counts[split]
    known = int(counts.sum())
    if not known:
        return ""
    order = counts.argsort(descending=True, stable=True)[:MOST_CATEGORIES].tolist()
    shown = [f"{column.categories[at]} {int(counts[at]) / known:.2g}" for at in order]
    more = len(column.categories) - len(shown)
    return ", ".join([*shown, *([f"{more:,} more"] if more > 0 else [])])


def _of_columns(summary: ColumnsSummary) -> str:
    columns = summary.columns
    gaps = [each.name for each in columns if any(each.missing.values())]
    constant = [each.name for each in columns if each.is_constant]
    unseen = [
        f"{name} ({each.name})"
        for each in columns
        for names in each.unseen().values()
        for name in names
    ]
    parts = []
    if gaps:
        cells = sum(sum(each.missing.values()) for each in columns)
        parts.append(
            f"{counted(cells, 'cell')} of {listed(gaps)} {'is' if cells == 1 else 'are'} missing"
        )
    if constant:
        parts.append(
            f"{listed(constant)} {'is' if len(constant) == 1 else 'are'} constant in training, so "
            "nothing is learnt from it"
        )
    if unseen:
        found = list(dict.fromkeys(unseen))
        have = "has" if len(found) == 1 else "have"
        parts.append(f"{listed(found)} {have} no training sample")
    return f"{capital('; '.join(parts))}." if parts else "No cell is missing, and none is constant."
