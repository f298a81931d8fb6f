"""What a task contributes to the score."""

from __future__ import annotations

import math

import pytest
import torch

from multitask.training.score import BELOW, contribution


def contributed(value: float, trivial: float | None, higher: bool = True) -> float:
    return float(contribution(torch.tensor(value), trivial, higher))


@pytest.mark.parametrize(
    ("value", "trivial", "higher", "expected"),
    [
        (1.0, 0.25, True, 1.0),
        (0.25, 0.25, True, 0.0),
        (0.625, 0.25, True, 0.5),
        (0.0, 2.0, False, 1.0),
        (2.0, 2.0, False, 0.0),
        (0.5, 2.0, False, 0.75),
        # No trivial predictor is known.
        (0.3, None, True, 0.3),
        # It is perfect itself, or useless as a measure.
        (0.9, 1.0, True, 0.9),
        (0.4, -8.0, True, 0.4),
    ],
)
def test_trivial_is_zero_and_perfect_is_one(
    value: float, trivial: float | None, higher: bool, expected: float
) -> None:
    assert contributed(value, trivial, higher) == pytest.approx(expected)


@pytest.mark.parametrize("higher", [True, False])
def test_worse_than_trivial_counts_next_to_nothing_but_in_order(higher: bool) -> None:
    worse = [0.2, -0.5, -4.0, -1e6, -math.inf] if higher else [0.6, 3.0, 50.0, 1e6, math.inf]
    found = [contributed(value, 0.4, higher) for value in worse]
    assert found == sorted(found, reverse=True)
    assert len(set(found)) == len(found)
    assert found[0] < 0
    assert found[-1] == pytest.approx(-BELOW)


def test_no_number_stays_none() -> None:
    assert math.isnan(contributed(math.nan, 0.3))
    assert math.isnan(contributed(math.nan, None, False))
