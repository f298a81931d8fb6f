"""Two processes learn what one learns from the joined batch, with every balancer.

In some batches a task has labels on one process only, or on none.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch
from conformance.cases import CASES
from conformance.table import REFUSED, WORKS, Record
from conformance.training import largest_difference

HERE = Path(__file__).parent
LAUNCH = ("-m", "torch.distributed.run", "--standalone", "--nproc-per-node=2")
SHARED = {str(case) for case in CASES if case.level == "shared"}


def learn(path: Path, *launch: str) -> dict[str, dict[str, Any]]:
    done = subprocess.run(
        [sys.executable, *launch, str(HERE / "two_processes.py"), str(path)],
        capture_output=True,
        text=True,
        timeout=800,
        env={
            **os.environ,
            "OMP_NUM_THREADS": "1",
            "PYTHONPATH": os.pathsep.join([str(HERE.parent), os.environ.get("PYTHONPATH", "")]),
        },
    )
    assert done.returncode == 0, done.stderr[-3000:]
    return torch.load(path, weights_only=True)


@pytest.mark.slow
def test_two_processes_equal_one(tmp_path: Path, cell: Record) -> None:
    one, two = learn(tmp_path / "one.pt"), learn(tmp_path / "two.pt", *LAUNCH)
    wrong = {}
    for columns, learnt in two.items():
        assert learnt.keys() == {str(case) for case in CASES}
        expected = one["accumulated" if "accumulated" in columns else "plain"]
        for case, found in learnt.items():
            mark = WORKS
            if columns == "FSDP2" and case in SHARED:
                assert "level: representation, or the strategy ddp" in found
                mark = REFUSED
            elif isinstance(found, str) or not largest_difference(expected[case], found) < 1e-10:
                wrong[columns, case] = found if isinstance(found, str) else "another result"
                continue
            for column in columns.split(", "):
                cell(column, case, mark)
    assert wrong == {}
    # Clipping and accumulating did something.
    for case, expected in one["plain"].items():
        assert largest_difference(one["accumulated"][case], expected) > 1e-6
