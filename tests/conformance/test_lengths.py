"""The length of a method's step is the method's own, or it is not: code, page and torchjd agree."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from conformance.cases import METHODS
from conformance.test_against_torchjd import Problem
from torchjd import aggregation as torchjd

from multitask.balancing import GradientBalancer
from multitask.balancing.method import Traits, weighting_of
from multitask.balancing.seeding import seeded

PAGE = Path(__file__).parents[2] / "docs" / "balancing.md"
LEVEL = "shared"
# By torchjd's name: what claims to keep the length, and how torchjd makes the direction.
KEPT: dict[str, Callable[[], Any]] = {
    "Sum": torchjd.Sum,
    "Constant": METHODS["Constant"][1],
    "PCGrad": torchjd.PCGrad,
    "GradVac": torchjd.GradVac,
    "FairGrad": lambda: torchjd.FairGrad(2.0),
    "NashMTL": lambda: torchjd.NashMTL(3, max_norm=0.0),
    "PCD": torchjd.PCD,
    "ConFIG": torchjd.ConFIG,
    "GradDrop": torchjd.GradDrop,
    "TrimmedMean": METHODS["TrimmedMean"][1],
    "our PCGrad": torchjd.PCGrad,
    "our GradVac": torchjd.GradVac,
    "our FairGrad": lambda: torchjd.FairGrad(2.0),
    "our Nash": lambda: torchjd.NashMTL(3, max_norm=0.0),
}


def lengths_on_the_page() -> dict[str, bool]:
    """By method, whether the page says that its length is kept."""
    rows = re.findall(r"^\| (`.*) \| (kept|rescaled) \|", PAGE.read_text(), re.MULTILINE)
    return {
        name: length == "kept" for names, length in rows for name in re.findall(r"`(\w+)`", names)
    }


@pytest.mark.parametrize("name", [name for name in METHODS if name != "CRMOGM"])
def test_the_page_says_what_the_balancer_does(name: str) -> None:
    method = METHODS[name][1]()
    # An aggregator and its weighting go by one name.
    title = type(method).__name__.removesuffix("Weighting")
    assert Traits(method).defines_length == lengths_on_the_page()[title]


@pytest.mark.parametrize("name", KEPT)
def test_a_length_that_is_kept_is_that_of_torchjds_direction(name: str) -> None:
    made = METHODS[name][1]() if name.startswith("our") else KEPT[name]()
    balancer = GradientBalancer(made, level=LEVEL)  # type: ignore[arg-type]
    found = Problem().found(balancer)
    problem = Problem()
    with seeded(balancer.seed, 1):
        expected = problem.expected(KEPT[name](), LEVEL)
    assert float(found.norm()) == pytest.approx(float(expected.norm()), rel=1e-3)


def test_every_method_of_torchjd_that_claims_to_keep_its_length_is_compared() -> None:
    claims = {
        name
        for name, (_, make) in METHODS.items()
        if Traits(make()).defines_length and type(weighting_of(make())).__module__[:7] == "torchjd"
    }
    assert claims <= set(KEPT)


def test_rescaled_weights_sum_to_the_number_of_tasks() -> None:
    for name, (levels, make) in METHODS.items():
        if LEVEL in levels and not Traits(make()).defines_length:
            balancer = GradientBalancer(make(), level=LEVEL)  # type: ignore[arg-type]
            Problem().found(balancer)
            assert float(balancer.weights.sum()) == pytest.approx(3), name
