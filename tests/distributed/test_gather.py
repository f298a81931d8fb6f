"""Rows and sums over two real processes."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

PROGRAM = """\
import json, sys
import torch
import torch.distributed as dist
from multitask.distributed import gather_items, gather_rows, sum_activations, sum_losses

dist.init_process_group("gloo")
rank = dist.get_rank()
found = {"rows": gather_rows(torch.arange(3 - 2 * rank) + 10 * rank).tolist()}
found["items"] = gather_items(["a", "b"][rank:])
for name, function in (("losses", sum_losses), ("activations", sum_activations)):
    values = torch.tensor([1.0, 2.0]) * (1 + rank)
    values.requires_grad_()
    total = function(values)
    (total * torch.tensor([1.0, 10.0]) * (1 + rank)).sum().backward()
    found[name] = [total.tolist(), values.grad.tolist()]
with open(f"{sys.argv[1]}/{rank}.json", "w") as file:
    json.dump(found, file)
dist.destroy_process_group()
"""


@pytest.mark.slow
def test_two_processes_gather_and_sum(tmp_path: Path) -> None:
    (tmp_path / "program.py").write_text(PROGRAM)
    launch = ["-m", "torch.distributed.run", "--standalone", "--nproc-per-node=2"]
    done = subprocess.run(
        [sys.executable, *launch, str(tmp_path / "program.py"), str(tmp_path)],
        capture_output=True,
        text=True,
        timeout=120,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
    )
    assert done.returncode == 0, done.stderr
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
