"""Two processes learn what one learns from the joined batch, with every balancer.

In some batches a task has labels on one process only, or on none.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch
from conformance.cases import CASES
from conformance.training import largest_difference
from torch import Tensor

HERE = Path(__file__).parent
STRATEGIES = {"ddp": 1, "ddp_find_unused_parameters_true": 1, "static graph": 3}
"""With each how many-th balancer; the static graph sees the gate, not the balancer behind it."""
ACCUMULATED_AND_CLIPPED = {"accumulate_grad_batches": 2, "gradient_clip_val": 0.05}
Learnt = dict[str, dict[str, Tensor]]


LAUNCH = ("-m", "torch.distributed.run", "--standalone", "--nproc-per-node=2")


def learn(
    path: Path, *launch: str, strategy: str = "auto", each: int = 1, **options: Any
) -> Learnt:
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
            "EACH": str(each),
            "OPTIONS": json.dumps(options),
        },
    )
    assert done.returncode == 0, done.stderr[-3000:]
    return torch.load(path, weights_only=True)


@pytest.fixture(scope="module")
def one(tmp_path_factory: pytest.TempPathFactory) -> Learnt:
    """What one process learns."""
    return learn(tmp_path_factory.mktemp("one") / "weights.pt")


def check_equal(one: Learnt, two: Learnt) -> None:
    differences = {name: largest_difference(one[name], two[name]) for name in two}
    assert {name: value for name, value in differences.items() if not value < 1e-10} == {}


@pytest.mark.slow
@pytest.mark.parametrize("strategy", STRATEGIES)
def test_two_processes_equal_one(strategy: str, one: Learnt, tmp_path: Path) -> None:
    each = STRATEGIES[strategy]
    two = learn(tmp_path / "weights.pt", *LAUNCH, strategy=strategy, each=each)
    assert two.keys() == {str(case) for case in CASES[::each]}
    check_equal(one, two)


@pytest.mark.slow
def test_two_processes_equal_one_with_accumulation_and_clipping(
    one: Learnt, tmp_path: Path
) -> None:
    options = ACCUMULATED_AND_CLIPPED | {"steps": 2}
    alone = learn(tmp_path / "one.pt", **options)
    two = learn(tmp_path / "two.pt", *LAUNCH, strategy="ddp", **options)
    assert alone.keys() == two.keys() == one.keys()
    check_equal(alone, two)
    # Clipping and accumulating did something.
    assert all(largest_difference(alone[name], one[name]) > 1e-6 for name in one)
