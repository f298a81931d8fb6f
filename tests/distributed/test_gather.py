"""Rows, sums and batch normalisation over two real processes."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from distributed.forked_processes import run_together
from distributed.sums import gather_and_sum, normalised
from torch import nn


def test_two_processes_gather_and_sum(tmp_path: Path) -> None:
    run_together(2, gather_and_sum, tmp_path, folder=tmp_path)
    first, second = (json.loads((tmp_path / f"{rank}.json").read_text()) for rank in (0, 1))
    # Shares of different sizes, one process after the other, on both.
    assert first["rows"] == second["rows"] == [0, 1, 2, 10]
    assert first["items"] == second["items"] == ["a", "b", "b"]
    assert first["losses"][0] == second["losses"][0] == [3, 6]
    # Each process's own gradient, times the number that the strategy will divide by.
    assert [first["losses"][1], second["losses"][1]] == [[2, 20], [4, 40]]
    # As one process normalises both processes' rows.
    expected = normalised(nn.BatchNorm1d(3))
    joined = [one + two for one, two in zip(first["normal"], second["normal"], strict=True)]
    assert joined[0] == pytest.approx(expected[0], rel=1e-4, abs=1e-5)
    assert joined[1] == pytest.approx(expected[1], rel=1e-4, abs=1e-5)
    for found in (first["normal"], second["normal"]):
        assert found[2] == pytest.approx(expected[2], rel=1e-5)
        assert found[3] == pytest.approx(expected[3], rel=1e-5)
