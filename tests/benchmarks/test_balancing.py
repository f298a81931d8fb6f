"""The benchmark of the balancing methods runs; how fast they are is not asserted."""

from __future__ import annotations

import importlib
from pathlib import Path
from typing import Any

import pytest

FOLDER = Path(__file__).parents[2] / "benchmarks"


@pytest.fixture
def benchmark(monkeypatch: pytest.MonkeyPatch) -> Any:
    """The script as a module."""
    monkeypatch.syspath_prepend(FOLDER)
    module = importlib.import_module("balancing")
    monkeypatch.setattr(module, "BLOCK_SECONDS", 1e-6)
    return module


def test_each_method_is_timed_against_the_plain_sum(benchmark: Any) -> None:
    methods = ["plain", "UPGrad", "UPGrad/shared/10", "UPGrad/last", "mtl_backward/UPGrad/1"]
    case = benchmark.CASES["convnet"]
    seconds, ratios = benchmark.step_ratios(case, 2, methods, 2, "cpu", "32-true")
    assert seconds > 0
    assert list(ratios) == methods
    assert all(len(each) == 2 and min(each) > 0 for each in ratios.values())


def test_a_table_of_medians_has_a_dash_where_nothing_was_measured(
    benchmark: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    table = benchmark.Table(["plain", "UPGrad"])
    table.add("T=2", {"plain": "1.00"})
    table.show("ratios")
    assert capsys.readouterr().out == "\nratios\n        T=2\nplain   1.00\nUPGrad  -\n"


@pytest.mark.parametrize(("rounds", "expected"), [(3, (2, 1, 3)), (6, (3.5, 1, 6)), (9, (5, 2, 8))])
def test_the_interval_lies_between_order_statistics(
    benchmark: Any, rounds: int, expected: tuple[float, float, float]
) -> None:
    # Nine values lie around their median with 96 % from the second to the second last.
    assert benchmark.median_interval(list(range(rounds, 0, -1))) == expected
