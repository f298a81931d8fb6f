"""Two processes learn what one learns from the joined batch, with every balancer.

In some batches a task has labels on one process only, or on none.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from conformance.cases import CASES
from conformance.training import largest_difference
from torch import Tensor

HERE = Path(__file__).parent
STRATEGIES = ("ddp", "ddp_find_unused_parameters_true")
Learnt = dict[str, dict[str, Tensor]]


def learn(path: Path, *launch: str, strategy: str = "auto") -> Learnt:
    done = subprocess.run(
        [sys.executable, *launch, str(HERE / "two_processes.py"), str(path)],
        capture_output=True,
        text=True,
        timeout=400,
        env={
            **os.environ,
            "OMP_NUM_THREADS": "1",
            "PYTHONPATH": os.pathsep.join([str(HERE.parent), os.environ.get("PYTHONPATH", "")]),
            "STRATEGY": strategy,
        },
    )
    assert done.returncode == 0, done.stderr[-3000:]
    return torch.load(path, weights_only=True)


@pytest.fixture(scope="module")
def one(tmp_path_factory: pytest.TempPathFactory) -> Learnt:
    """What one process learns."""
    return learn(tmp_path_factory.mktemp("one") / "weights.pt")


@pytest.mark.slow
@pytest.mark.parametrize("strategy", STRATEGIES)
def test_two_processes_equal_one(strategy: str, one: Learnt, tmp_path: Path) -> None:
    launch = ("-m", "torch.distributed.run", "--standalone", "--nproc-per-node=2")
    two = learn(tmp_path / "weights.pt", *launch, strategy=strategy)
    assert two.keys() == one.keys() == {str(case) for case in CASES}
    differences = {name: largest_difference(one[name], two[name]) for name in one}
    assert {name: value for name, value in differences.items() if not value < 1e-10} == {}
