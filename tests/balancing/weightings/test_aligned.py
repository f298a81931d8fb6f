"""Aligned-MTL: orthogonal gradients of one length."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor
from torch.testing import assert_close
from torchjd.aggregation import AlignedMTLWeighting

from multitask.balancing.weightings import AlignedMTL
from multitask.balancing.weightings.aligned import ScaleMode

modes = pytest.mark.parametrize("mode", ["min", "median", "rmse"])


@modes
def test_weights_are_torchjds(mode: ScaleMode, gramian: Tensor, scale: float) -> None:
    torchjds = AlignedMTLWeighting(scale_mode=mode)(gramian)
    assert_close(AlignedMTL(scale_mode=mode)(gramian * scale), torchjds, rtol=0, atol=1e-6)


@modes
def test_preferences_are_torchjds(mode: ScaleMode, gramian: Tensor) -> None:
    preference = torch.linspace(0.1, 2, len(gramian), dtype=torch.float64)
    found = AlignedMTL(preference, mode)(gramian)
    torchjds = AlignedMTLWeighting(preference, scale_mode=mode)(gramian)
    assert_close(found, torchjds, rtol=0, atol=1e-6)
    assert not torch.allclose(found, AlignedMTL(scale_mode=mode)(gramian), atol=1e-3)


def test_dependent_gradients_in_single_precision_are_seen_as_such() -> None:
    for seed in range(20):
        jacobian = torch.randn(3, 50, generator=torch.Generator().manual_seed(seed))
        jacobian = torch.cat([jacobian, jacobian.mean(0, keepdim=True)])
        double = jacobian[:3].double()
        double = torch.cat([double, double.mean(0, keepdim=True)])
        # Taken for a component of its own, the rounding would be the smallest eigenvalue.
        exact = AlignedMTL()(double @ double.T)
        assert_close(AlignedMTL()(jacobian @ jacobian.T).double(), exact, rtol=1e-3, atol=1e-4)
