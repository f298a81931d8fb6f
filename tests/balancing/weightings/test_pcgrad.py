"""PCGrad: gradient surgery."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.testing import assert_close
from torchjd.aggregation import PCGradWeighting

from multitask.balancing.weightings import PCGrad


def test_weights_are_torchjds_under_the_same_seed(gramian: Tensor, scale: float) -> None:
    ours, torchjds = PCGrad(), PCGradWeighting()
    # The zero row divides by zero in torchjd only where it would conflict, which it never does.
    torch.manual_seed(3)
    expected = [torchjds(gramian) for _ in range(4)]
    torch.manual_seed(3)
    for each in expected:
        assert_close(ours(gramian * scale), each, rtol=1e-12, atol=1e-12)


def test_order_is_drawn_anew_at_every_step() -> None:
    generator = torch.Generator().manual_seed(0)
    jacobian = torch.randn(6, 4, generator=generator, dtype=torch.float64)
    torch.manual_seed(0)
    drawn = torch.stack([PCGrad()(jacobian @ jacobian.T) for _ in range(20)])
    assert len(drawn.unique(dim=0)) > 10


def test_without_conflict_it_is_the_sum() -> None:
    assert_close(PCGrad()(torch.tensor([[1.0, 0.5], [0.5, 2.0]])), torch.ones(2))


def test_two_conflicting_gradients_are_projected() -> None:
    gramian = torch.tensor([[1.0, -1.0], [-1.0, 4.0]])
    assert_close(PCGrad()(gramian), torch.tensor([1 + 1.0, 1 + 0.25]))
