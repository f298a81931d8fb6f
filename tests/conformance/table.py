"""The table of balancers and ways to train in the documentation, made from the tests' results."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

FILE = Path(__file__).parents[2] / "docs/conformance.md"
COLUMNS = {
    "separate passes": "the encoder gets what the method makes of gradients taken one by one",
    "DDP": "two processes learn what one learns from the joined batch",
    "unused": "the same with DDP's `find_unused_parameters`",
    "static": "the same with DDP's static graph",
    "FSDP2": "the same with parameters sharded by `ModelParallelStrategy`",
    "accumulated": "the same with two batches accumulated and their gradient clipped",
    "bf16": "`bf16-mixed` stays close to float32",
    "compiled": "a compiled encoder changes nothing",
    "checkpointed": "computing activations again in the backward pass changes nothing",
    "resumed": "stopped in the middle of an epoch and resumed equals never stopped",
}
"""By column, what its tests show."""
WORKS, REFUSED, NONE = "✓", "refused", ""
ABOVE = """# What works together

Every row is a balancer at a level, some behind a sharing scheme (CGC is MMoE with experts of each
task's own), with an encoder of texts or of several inputs (some of them missing or dropped), with
an adversarial pass, or with tasks that teach less (`teaches` 0 and 0.5), every column a way to
train. A ✓ is a test that passed: in double precision to 1e-10, `separate passes` to 1e-6, and
`bf16` to a fifth of the distance that the weights have moved. *refused* means that one sentence
says so before training starts. An empty cell means that there is nothing to compare with.
`make conformance` makes this table from the tests, and trains every balancer in every way. `make
test` fills the columns from DDP to accumulated, compiled and checkpointed with only some balancers,
among which are each sharing scheme, each pass and each kind of method; with each of the others, two
processes take two steps without a Trainer or strategy.

"""
IN_SOME_CASES = (
    *("DDP", "unused", "static", "FSDP2", "accumulated"),
    *("compiled", "checkpointed"),
)
"""The columns of which the tests train only some cases, unless they write the table."""
Record = Callable[[str, object, str], None]


def markdown(cells: dict[tuple[str, str], str], rows: list[str]) -> str:
    """Write the page.

    Args:
        cells: marks by row and column.
        rows: the balancers, in order.
    """
    lines = [f"- **{column}**: {meaning}" for column, meaning in COLUMNS.items()]
    lines += ["", f"| | {' | '.join(COLUMNS)} |", f"|---|{':-:|' * len(COLUMNS)}"]
    for row in rows:
        marks = [cells.get((row, column), NONE) for column in COLUMNS]
        lines.append(f"| {row} | {' | '.join(marks)} |")
    return ABOVE + "\n".join(lines) + "\n"


@pytest.fixture
def cell(record_property: Callable[[str, object], None]) -> Record:
    """Keeps a result for the table: column, balancer, mark."""

    def record(column: str, case: object, mark: str) -> None:
        assert column in COLUMNS
        record_property("cell", [str(case), column, mark])

    return record


@pytest.fixture
def plan(record_property: Callable[[str, object], None]) -> None:
    """Tells the table which rows and cells it has.

    Under pytest-xdist, the table is written by a process that does not import the balancers.
    """
    from conformance.cases import CASES, OF_PASSES, WITHOUT_REFERENCE, representatives

    rows = [str(case) for case in CASES]
    wanted = {(row, column) for row in rows for column in COLUMNS}
    wanted -= {(str(case), "separate passes") for case in WITHOUT_REFERENCE}
    wanted -= {(str(case), "checkpointed") for case in OF_PASSES}
    run = {(str(case), each) for each in IN_SOME_CASES for case in representatives(each)}
    not_run = {(row, column) for row, column in wanted if column in IN_SOME_CASES} - run
    record_property("plan", [rows, *([[*each] for each in sorted(s)] for s in (wanted, not_run))])


def marks(page: str) -> dict[tuple[str, str], str]:
    """Read the marks of a page, by row and column."""
    lines = [line.split("|")[1:-1] for line in page.splitlines() if line.startswith("| ")]
    rows = [[cell.strip() for cell in line] for line in lines]
    return {
        (row[0], column): mark
        for row in rows
        for column, mark in zip(COLUMNS, row[1:], strict=False)
    }


class Table:
    """Collects the cells of passed tests; writes the page, or says that it is out of date."""

    def __init__(self) -> None:
        self.cells: dict[tuple[str, str], str] = {}
        self.plan: tuple[list[str], list[list[str]], list[list[str]]] | None = None
        self.problem = ""

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.when == "call" and report.passed:
            for name, value in report.user_properties:
                if name == "cell":
                    row, column, mark = value  # type: ignore[misc]
                    self.cells[row, column] = mark
                elif name == "plan":
                    self.plan = value  # type: ignore[assignment]

    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        if hasattr(session.config, "workerinput") or self.plan is None:
            return
        rows, wanted, others = self.plan
        not_run = {(row, column) for row, column in others}
        if {(row, column) for row, column in wanted} - not_run != self.cells.keys():
            return
        if "WRITE_TABLE" in os.environ:
            FILE.write_text(markdown(self.cells, rows))
            return
        page = FILE.read_text() if FILE.is_file() else ""
        known = {cell: mark for cell, mark in marks(page).items() if cell in not_run and mark}
        if known.keys() != not_run or page != markdown(known | self.cells, rows):
            self.problem = f"{FILE.name} is not what the tests show: make conformance"
            session.exitstatus = pytest.ExitCode.TESTS_FAILED

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        if self.problem:
            terminalreporter.write_line(self.problem, red=True)


def pytest_configure(config: pytest.Config) -> None:
    config.pluginmanager.register(Table())
