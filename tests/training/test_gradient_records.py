"""Records of gradients are what was seen, and stay small."""

from __future__ import annotations

from io import BytesIO
from itertools import combinations
from typing import Any

import pytest
import torch
from torch import Tensor

from multitask.training.gradient_records import SIZE, GradientRecords


def gramians(count: int, tasks: int) -> Tensor:
    """Inner products of random gradients; the last task has none in the first record."""
    gradients = torch.randn(count, tasks, 6, dtype=torch.float64)
    gradients[:1, -1] = 0
    return gradients @ gradients.mT


def filled(count: int, tasks: int) -> tuple[GradientRecords, Tensor]:
    records, seen = GradientRecords(), gramians(count, tasks)
    for at, gramian in enumerate(seen):
        records.add(at, gramian, torch.full((tasks,), float(at)))
    return records, seen


def saved_bytes(state: dict[str, Any]) -> int:
    file = BytesIO()
    torch.save(state, file)
    return len(file.getvalue())


def test_counts_and_means_are_over_all_records() -> None:
    records, seen = filled(7, 4)
    for pair, (one, other) in enumerate(combinations(range(4), 2)):
        norms = seen.diagonal(dim1=1, dim2=2).sqrt()
        cosines = seen[:, one, other] / norms[:, one] / norms[:, other]
        known = cosines[cosines.isfinite()]
        assert len(known) == (6 if other == 3 else 7)
        assert float(records.rates[pair]) == pytest.approx(float((known < 0).double().mean()))
        assert float(records.means[pair]) == pytest.approx(float(known.mean()))
        kept = torch.stack(records.cosines)[:, pair].double()
        torch.testing.assert_close(kept, cosines, rtol=1e-6, atol=1e-6, equal_nan=True)


@pytest.mark.parametrize(("tasks", "count"), [(3, 1200), (20, 1300), (50, 500), (200, 40)])
def test_state_stays_under_a_megabyte_or_so(tasks: int, count: int) -> None:
    records, _ = filled(count, tasks)
    assert 4 < len(records.at) <= 1000
    assert saved_bytes(records.state_dict()) < 1.05 * SIZE
    # Spread over the whole run.
    assert records.at[0] == 0
    assert records.at[-1] > 0.8 * count


def test_thinned_records_count_all_the_same() -> None:
    records, _ = filled(1400, 2)
    assert len(records.at) < 1000
    assert records.seen.tolist() == [1399]


@pytest.mark.parametrize("count", [0, 3])
def test_state_continues(count: int) -> None:
    torch.manual_seed(0)
    whole, seen = filled(count + 2, 3)
    first, second = GradientRecords(), GradientRecords()
    for at, gramian in enumerate(seen):
        if at == count:
            second.load_state_dict(first.state_dict())
            first = second
        first.add(at, gramian, torch.full((3,), float(at)))
    one, two = whole.state_dict(), second.state_dict()
    assert one.keys() == two.keys()
    assert one.pop("at") == two.pop("at")
    for name in one:
        torch.testing.assert_close(one[name], two[name], rtol=0, atol=0, equal_nan=True)


@pytest.mark.parametrize("count", [0, 5])
def test_state_of_earlier_versions_is_read(count: int) -> None:
    records, seen = filled(count, 4)
    norms = seen.diagonal(dim1=1, dim2=2).sqrt()
    cosines = seen / norms[:, :, None] / norms[:, None, :]
    old = {
        "at": list(range(count)),
        "gramians": list(seen),
        "weights": [torch.full((4,), float(at), dtype=torch.float64) for at in range(count)],
        "conflicts": (cosines < 0).double().sum(0) if count else 0.0,
        "seen": cosines.isfinite().double().sum(0) if count else 0.0,
    }
    read = GradientRecords()
    read.load_state_dict(old)
    one, two = records.state_dict(), read.state_dict()
    assert one.keys() == two.keys()
    assert one.pop("at") == two.pop("at")
    for name in one:
        torch.testing.assert_close(one[name], two[name], equal_nan=True)
