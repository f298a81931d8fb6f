"""IMTL-G: equal projections on the tasks' gradients."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.testing import assert_close
from torchjd.aggregation import IMTLGWeighting

from multitask.balancing.weightings import IMTLG


def test_weights_are_torchjds(gramian: Tensor, scale: float) -> None:
    torchjds = IMTLGWeighting()(gramian)
    assert_close(IMTLG()(gramian * scale), torchjds, rtol=1e-6, atol=1e-6)


def test_projections_are_equal(full_rank: Tensor, scale: float) -> None:
    projections = full_rank @ IMTLG()(full_rank * scale) / full_rank.diagonal().sqrt()
    assert_close(projections, projections[:1].expand_as(projections), rtol=1e-6, atol=0)


def test_lengths_of_the_gradients_only_divide_the_weights() -> None:
    generator = torch.Generator().manual_seed(0)
    jacobian = torch.randn(4, 8, generator=generator, dtype=torch.float64)
    gramian = jacobian @ jacobian.T
    lengths = torch.logspace(-6, 6, 4, dtype=torch.float64)
    weights = IMTLG()(gramian * lengths * lengths[:, None]) * lengths
    assert_close(weights / weights.sum(), IMTLG()(gramian), rtol=1e-9, atol=0)


def test_dependent_gradients_in_single_precision_are_seen_as_such() -> None:
    for seed in range(20):
        jacobian = torch.randn(3, 50, generator=torch.Generator().manual_seed(seed))
        jacobian = torch.cat([jacobian, jacobian.mean(0, keepdim=True)])
        double = jacobian[:3].double()
        double = torch.cat([double, double.mean(0, keepdim=True)])
        # Where the rounding is taken for a direction, the weights along it know no bound.
        exact = IMTLG()(double @ double.T)
        assert_close(IMTLG()(jacobian @ jacobian.T).double(), exact, rtol=1e-3, atol=1e-3)


def test_weights_that_would_sum_to_zero_are_zero() -> None:
    # No direction gains on both of two opposite gradients.
    opposite = torch.tensor([[1.0, -1.0], [-1.0, 1.0]], dtype=torch.float64)
    assert_close(IMTLG()(opposite * 1e-12), torch.zeros(2, dtype=torch.float64))
    # The inverse of these cosines gives the first task a negative weight; its length, all the rest.
    cosines = torch.tensor([[1.0, 0.9, 0.9], [0.9, 1.0, 0.65], [0.9, 0.65, 1.0]]).double()
    weights = torch.linalg.solve(cosines, torch.ones(3, dtype=torch.float64))
    lengths = torch.tensor([-weights[0] / weights[1:].sum(), 1.0, 1.0], dtype=torch.float64)
    assert lengths[0] > 0
    balanced = cosines * lengths * lengths[:, None]
    assert_close(IMTLG()(balanced), torch.zeros(3, dtype=torch.float64), rtol=0, atol=0)
