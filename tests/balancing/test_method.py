"""What methods ask for and give, and that weights from products alone are theirs."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor
from torch.testing import assert_close
from torchjd import aggregation as torchjd

from multitask import balancing
from multitask.balancing import weightings
from multitask.balancing.level import Level
from multitask.balancing.method import Traits, weighting_of, weights_of
from multitask.errors import InputError

ONES = torch.ones(3, dtype=torch.float64)
SHARED = Level("shared")
PLAIN = {"batches": 1}
DIRECTION = {
    "batches": 1,
    "gives_direction": True,
    "defines_length": True,
    "needs_jacobian": True,
}
OWN, CONFLICTS, SIZES = (
    {name: True} for name in ("defines_length", "sees_conflicts", "needs_size")
)
TRAITS: list[tuple[Any, dict[str, Any]]] = [
    (torchjd.Mean(), PLAIN),
    (torchjd.Sum(), PLAIN | OWN),
    (torchjd.Constant(ONES), PLAIN | OWN),
    (torchjd.Random(), PLAIN),
    (torchjd.AlignedMTL(), PLAIN),
    (torchjd.IMTLG(), PLAIN),
    (torchjd.Krum(1), PLAIN),
    (torchjd.MGDA(), PLAIN | CONFLICTS),
    (torchjd.UPGrad(), PLAIN | CONFLICTS),
    (torchjd.UPGradWeighting(), PLAIN | CONFLICTS),
    (torchjd.DualProj(), PLAIN | CONFLICTS),
    (torchjd.ConFIG(), PLAIN | CONFLICTS | OWN),
    (torchjd.PCGrad(), PLAIN | CONFLICTS | OWN),
    (torchjd.GradVacWeighting(), PLAIN | CONFLICTS | OWN),
    (torchjd.PCD(), PLAIN | OWN | SIZES),
    (torchjd.GradDrop(), DIRECTION | {"draws_elements": True}),
    (torchjd.TrimmedMean(1), DIRECTION),
    (torchjd.ExcessMTL(), PLAIN | {"needs_jacobian": True, "remembers_gradients": True}),
    (torchjd.ExcessMTLWeighting(), PLAIN | {"needs_jacobian": True, "remembers_gradients": True}),
    (torchjd.MoDoWeighting(), SIZES | {"batches": 2}),
    (torchjd.SDMGradWeighting(), {"batches": 3}),
    (torchjd.CRMOGMWeighting(torchjd.PCGradWeighting()), PLAIN | CONFLICTS | OWN),
    (torchjd.CRMOGMWeighting(torchjd.MGDAWeighting()), PLAIN | CONFLICTS),
    (weightings.Nash(), PLAIN | OWN | SIZES),
    (weightings.FairGrad(), PLAIN | OWN | SIZES),
    (weightings.IMTLG(), PLAIN),
    (weightings.PCGrad(), PLAIN | CONFLICTS | OWN),
    (balancing.GradDrop(), DIRECTION),
    (balancing.MoCo(), DIRECTION | {"remembers_gradients": True}),
    (balancing.DBMTL(), DIRECTION | {"remembers_gradients": True}),
]


@pytest.mark.parametrize(
    ("method", "expected"), TRAITS, ids=[type(method).__name__ for method, _ in TRAITS]
)
def test_traits_of_methods(method: Any, expected: dict[str, Any]) -> None:
    found = {
        name: value for name, value in vars(Traits(method)).items() if value and name != "name"
    }
    assert found == expected


def test_subclass_shares_the_traits() -> None:
    class Own(torchjd.PCGrad):
        pass

    found = Traits(Own())
    assert found.name == "Own"
    assert found.defines_length
    assert found.sees_conflicts


class ByLength(torchjd.Weighting[Tensor]):
    """Looks at the gradients themselves, as few of torchjd's weightings do."""

    def forward(self, matrix: Tensor, /) -> Tensor:
        return 1 / matrix.norm(dim=1)


JACOBIAN = torch.randn(4, 6, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
DEPENDENT = torch.cat([JACOBIAN[:3], JACOBIAN[:1] - 2 * JACOBIAN[1:2]])


@pytest.mark.parametrize("jacobian", [JACOBIAN, DEPENDENT], ids=["independent", "dependent"])
@pytest.mark.parametrize(
    "method",
    [
        torchjd.MGDA(),
        torchjd.UPGrad(),
        torchjd.WeightedAggregator(ByLength()),
        torchjd.Random(),
        torchjd.Constant(torch.tensor([1.0, 0.5, 2.0, 0.1], dtype=torch.float64)),
        torchjd.ConFIG(),
        torchjd.PCD(),
    ],
    ids=str,
)
def test_weights_from_products_make_the_methods_own_step(method: Any, jacobian: Tensor) -> None:
    torch.manual_seed(0)
    expected = method(jacobian)
    torch.manual_seed(0)
    assert_close(weights_of(method, jacobian @ jacobian.T) @ jacobian, expected)


def test_weighting_is_asked_directly() -> None:
    gramian = JACOBIAN @ JACOBIAN.T
    for weighting in (torchjd.MGDAWeighting(), weightings.MGDA()):
        assert torch.equal(weights_of(weighting, gramian), weighting(gramian))
        assert weighting_of(weighting) is weighting
    assert isinstance(weighting_of(torchjd.MGDA()), torchjd.MGDAWeighting)
    assert isinstance(weighting_of(torchjd.ExcessMTL()), torchjd.ExcessMTLWeighting)


@pytest.mark.parametrize(
    ("method", "level", "every", "says"),
    [
        (torchjd.MGDA(), SHARED, -1, "every is -1"),
        (torchjd.TrimmedMean(1), Level(), 2, "TrimmedMean needs the gradients of every batch"),
        (torchjd.ExcessMTL(), SHARED, 2, "ExcessMTL needs the gradients of every batch"),
        (torchjd.ExcessMTL(), Level(), 1, "ExcessMTL compares gradients of different samples"),
        (torchjd.SDMGradWeighting(), Level(), 1, "SDMGradWeighting compares .* level: shared"),
        (balancing.GradDrop(), Level("shared", "last"), 1, "remove parameters: last"),
    ],
)
def test_levels_and_intervals_that_cannot_work(
    method: Any, level: Level, every: int, says: str
) -> None:
    with pytest.raises(InputError, match=says):
        Traits(method).check(level, every)
    Traits(torchjd.MGDA()).check(level, max(every, 1))


@pytest.mark.parametrize(
    ("method", "level", "precision", "processes"),
    [
        (balancing.MoCo(), SHARED, "16-mixed", 1),
        (torchjd.PCD(), Level(), "16-mixed", 1),
        (torchjd.GradDrop(), Level(), "32-true", 2),
    ],
    ids=["MoCo", "PCD", "GradDrop"],
)
def test_ways_to_train_that_cannot_work(
    method: Any, level: Level, precision: str, processes: int
) -> None:
    with pytest.raises(InputError, match=type(method).__name__):
        Traits(method).check_run(level, precision, processes)
    Traits(method).check_run(level, "bf16-mixed", 1)
    Traits(torchjd.MGDA()).check_run(level, precision, processes)


def test_masks_of_whole_gradients_are_the_same_on_all_processes() -> None:
    Traits(torchjd.GradDrop()).check_run(SHARED, "32-true", 2)
    Traits(balancing.GradDrop()).check_run(Level(), "32-true", 2)
