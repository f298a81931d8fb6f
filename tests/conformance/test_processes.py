"""Two processes learn what one learns from the joined batch, with every balancer.

Those that train differently from another are compared in all ways, the others by hand. In some
batches a task has labels on one process only, or on none.
"""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from conformance.cases import CASES, representatives
from conformance.table import REFUSED, WORKS, Record
from conformance.training import largest_difference
from conformance.two_processes import BY_HAND, ONE, PROCESSES, TWO, learn, learn_on_two
from distributed.forked_processes import run_together

SHARED = {str(case) for case in CASES if case.level == "shared"}


@pytest.mark.slow
@pytest.mark.usefixtures("plan")
def test_two_processes_equal_one(tmp_path: Path, cell: Record) -> None:
    run_together(PROCESSES, learn_on_two, tmp_path / "two.pt", folder=tmp_path, seconds=800)
    one, two = learn(ONE, 1), torch.load(tmp_path / "two.pt", weights_only=True)
    wrong = {}
    by_hand = two.pop(BY_HAND)
    assert {*two["DDP"], *by_hand} == {str(case) for case in CASES}
    for case, found in by_hand.items():
        if not largest_difference(one[BY_HAND][case], found) < 1e-10:
            wrong[BY_HAND, case] = "another result"
    assert list(two) == list(TWO)
    for columns, learnt in two.items():
        assert list(learnt) == [str(case) for case in representatives(columns)]
        expected = one["accumulated" if "accumulated" in columns else "DDP"]
        for case, found in learnt.items():
            mark = WORKS
            if columns == "FSDP2" and case in (*SHARED, "AutoLambda"):
                assert "the ddp strategy" in found
                mark = REFUSED
            elif isinstance(found, str) or not largest_difference(expected[case], found) < 1e-10:
                wrong[columns, case] = found if isinstance(found, str) else "another result"
                continue
            for column in columns.split(", "):
                cell(column, case, mark)
    assert wrong == {}
    # Clipping and accumulating did something.
    for case, found in one["accumulated"].items():
        assert largest_difference(one["DDP"][case], found) > 1e-6
