"""Rows and sums over two real processes."""

from __future__ import annotations

import json
from pathlib import Path

from distributed.forked_processes import run_together
from distributed.sums import gather_and_sum


def test_two_processes_gather_and_sum(tmp_path: Path) -> None:
    run_together(2, gather_and_sum, tmp_path, folder=tmp_path)
    first, second = (json.loads((tmp_path / f"{rank}.json").read_text()) for rank in (0, 1))
    # Shares of different sizes, one process after the other, on both.
    assert first["rows"] == second["rows"] == [0, 1, 2, 10]
    assert first["items"] == second["items"] == ["a", "b", "b"]
    assert first["losses"][0] == second["losses"][0] == [3, 6]
    assert first["activations"][0] == second["activations"][0] == [3, 6]
    # Each process's own gradient, times the number that the strategy will divide by.
    assert [first["losses"][1], second["losses"][1]] == [[2, 20], [4, 40]]
    # The gradients of both processes' uses.
    assert first["activations"][1] == second["activations"][1] == [3, 30]
