"""What holds for every weighting."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import pytest
import torch
from torch import Tensor
from torch.testing import assert_close

from multitask.balancing import weightings
from multitask.balancing.weightings import (
    IMTLG,
    MGDA,
    AlignedMTL,
    CAGrad,
    DualProj,
    FairGrad,
    GradVac,
    GramianWeighting,
    Nash,
    PCGrad,
    SolverError,
    UPGrad,
)
from multitask.checkpoints.recipe import recipe

METHODS = [AlignedMTL, CAGrad, DualProj, FairGrad, GradVac, IMTLG, MGDA, Nash, PCGrad, UPGrad]
OWN_LENGTH = {FairGrad, GradVac, Nash, PCGrad}

every = pytest.mark.parametrize("method", METHODS)


def seeded(weighting: GramianWeighting, gramian: Tensor) -> Tensor:
    torch.manual_seed(0)
    return weighting(gramian)


def power(weighting: GramianWeighting) -> float:
    """By which power of the Gramian's scale the weights change."""
    return -1 / (1 + 1 / weighting.alpha) if isinstance(weighting, FairGrad) else 0.0


def test_every_method_is_tested_here() -> None:
    public = {getattr(weightings, name) for name in weightings.__all__}
    found = {each for each in public if issubclass(each, GramianWeighting)}
    # What needs the tasks' names has tests of its own.
    others = {GramianWeighting, weightings.GradientSimilarity}
    assert found - others == set(METHODS)


@every
def test_length_is_the_methods_own_or_the_callers(method: type[GramianWeighting]) -> None:
    assert method.defines_length == (method in OWN_LENGTH)


@every
def test_unit_of_the_losses_does_not_matter(
    method: type[GramianWeighting], full_rank: Tensor
) -> None:
    expected = seeded(method(), full_rank)
    for scale in (1e-12, 1e-6, 1e6, 1e12):
        found = seeded(method(), full_rank * scale)
        assert_close(found / scale ** power(method()), expected, rtol=1e-6, atol=1e-9)


@every
def test_zero_row_breaks_nothing(method: type[GramianWeighting], gramian: Tensor) -> None:
    assert seeded(method(), gramian).isfinite().all()
    assert seeded(method(), gramian * 0).isfinite().all()


@every
def test_gradients_of_very_different_lengths_break_nothing(
    method: type[GramianWeighting], full_rank: Tensor
) -> None:
    lengths = torch.logspace(-6, 6, len(full_rank), dtype=torch.float64)
    spread = full_rank * lengths * lengths[:, None]
    for wild in (spread, spread.flip(0, 1)):
        weights = seeded(method(), wild)
        assert weights.isfinite().all()
        assert weights.any()


@every
@pytest.mark.parametrize("square", [1e-12, 1.0, 9.0])
def test_single_task_keeps_its_direction(method: type[GramianWeighting], square: float) -> None:
    (weight,) = seeded(method(), torch.tensor([[square]], dtype=torch.float64)).tolist()
    # CAGrad's step is longer than the mean gradient by its radius.
    own = 1.4 if method is CAGrad else 1.0
    assert math.isclose(weight, own * square ** power(method()), rel_tol=1e-9)


@every
def test_dtype_is_kept_and_nothing_is_differentiated(method: type[GramianWeighting]) -> None:
    jacobian = torch.randn(3, 6, generator=torch.Generator().manual_seed(0), requires_grad=True)
    for dtype in (torch.float64, torch.float32, torch.bfloat16):
        weights = seeded(method(), (jacobian @ jacobian.T).to(dtype))
        assert weights.dtype == dtype
        assert not weights.requires_grad


@every
def test_gramian_is_left_alone(method: type[GramianWeighting], full_rank: Tensor) -> None:
    before = full_rank.clone()
    method()(full_rank)
    assert full_rank.equal(before)


@every
@pytest.mark.parametrize("wrong", [math.nan, math.inf, -math.inf])
def test_gramian_that_is_not_finite_is_refused(
    method: type[GramianWeighting], wrong: float
) -> None:
    gramian = torch.eye(3)
    gramian[1, 2] = wrong
    with pytest.raises(SolverError, match=f"^{method.__name__} got a Gramian that is not finite"):
        method()(gramian)


@every
@pytest.mark.parametrize("shape", [(2, 3), (3,), (0, 0), (2, 2, 2)], ids=str)
def test_gramian_that_is_not_square_is_refused(
    method: type[GramianWeighting], shape: tuple[int, ...]
) -> None:
    with pytest.raises(SolverError, match=f"{method.__name__} needs a square Gramian") as error:
        method()(torch.ones(shape))
    assert str(shape) in str(error.value)


def test_answer_that_is_not_finite_is_refused() -> None:
    class Lost(GramianWeighting):
        def solve(self, gramian: np.ndarray) -> np.ndarray:
            return gramian[0] / 0

    with (
        pytest.raises(SolverError, match="Lost found weights that are not finite: \\[inf, nan\\]"),
        np.errstate(all="ignore"),
    ):
        Lost()(torch.eye(2))


@every
def test_asymmetry_of_single_precision_is_averaged_out(
    method: type[GramianWeighting], full_rank: Tensor
) -> None:
    noise = torch.triu(torch.full_like(full_rank, 1e-7), 1)
    lopsided = seeded(method(), full_rank + noise - noise.T)
    assert_close(lopsided, seeded(method(), full_rank), rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize(
    ("weighting", "arguments"),
    [
        (CAGrad(c=0.7), {"c": 0.7}),
        (UPGrad(torch.tensor([1.0, 3.0])), {"pref_vector": [1.0, 3.0]}),
        (GradVac(0.1), {"beta": 0.1}),
        (Nash(max_norm=2.0), {"max_norm": 2.0}),
        (MGDA(), None),
    ],
    ids=lambda each: type(each).__name__,
)
def test_checkpoint_can_rebuild_it(
    weighting: GramianWeighting, arguments: dict[str, object] | None
) -> None:
    described = recipe(weighting)
    assert described["class_path"].endswith(type(weighting).__name__)
    assert described.get("init_args") == arguments


@pytest.mark.parametrize(
    "build",
    [
        lambda: CAGrad(-0.1),
        lambda: CAGrad(math.nan),
        lambda: FairGrad(0.0),
        lambda: FairGrad(-1.0),
        lambda: Nash(-1.0),
        lambda: GradVac(beta=1.1),
        lambda: GradVac(eps=-1.0),
        lambda: AlignedMTL(scale_mode="max"),
        lambda: UPGrad(torch.ones(2, 2)),
        lambda: DualProj(torch.tensor([1.0, math.nan])),
    ],
)
def test_arguments_out_of_range_are_refused(build: Callable[[], GramianWeighting]) -> None:
    with pytest.raises(
        ValueError, match="of (CAGrad|FairGrad|Nash|GradVac|AlignedMTL|UPGrad|Dual)"
    ):
        build()


@pytest.mark.parametrize("method", [UPGrad, DualProj, AlignedMTL])
def test_preference_of_the_wrong_length_is_refused(
    method: Callable[[Tensor], GramianWeighting],
) -> None:
    with pytest.raises(ValueError, match="has 2 entries for 3 tasks"):
        method(torch.ones(2))(torch.eye(3))
