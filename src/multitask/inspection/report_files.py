"""The files of the data report: a page, its figure, and a table of what cannot be used."""

from __future__ import annotations

from functools import partial
from pathlib import Path

from multitask.data import DataModule
from multitask.figures.saving import save_drawing
from multitask.inspection.data_report import DataReport
from multitask.inspection.report_figure import SAMPLES, draw_report
from multitask.inspection.report_text import report_blocks
from multitask.pages.blocks import Figure, Section
from multitask.pages.report import write_pages
from multitask.pages.spreadsheet import write_csv
from multitask.pages.words import counted

FIGURE, FINDINGS = "data.png", "findings.csv"
DPI = 150


def write_report(report: DataReport, data: DataModule, folder: Path) -> Path:
    """Write ``report.html`` and ``report.md``, their figure, and the findings as CSV.

    Args:
        report: the report on the data.
        data: the loaded data.
        folder: the destination folder.

    Returns:
        The HTML file, which needs no other file.
    """
    write_csv(report.findings, folder / FINDINGS)
    save_drawing(partial(draw_report, report, data), folder / FIGURE, DPI)
    samples = counted(min(SAMPLES, report.sizes["train"]), "training sample")
    blocks = [
        *report_blocks(report),
        Section("Distributions and samples", f"The targets of each split, and {samples}."),
        Figure(folder / FIGURE, "Labels, targets and a few training samples"),
    ]
    return write_pages(blocks, folder, report.title)
