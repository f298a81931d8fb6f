"""The concordance between predictions and times, some of which are censored."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torchmetrics import Metric
from torchmetrics.utilities import dim_zero_cat


class Concordance(Metric):
    """Share of the comparable pairs that the predictions order correctly (Harrell's C).

    A pair is comparable if one sample's event happened before the other's time, or at the time at
    which the other was censored; equal predictions count half (Harrell et al., 1996, Statistics in
    Medicine 15(4), "Multivariable prognostic models", section 5.5). It is computed over all samples
    of a split; three numbers are kept for each. NaN without a comparable pair.
    """

    is_differentiable = False
    higher_is_better = True
    full_state_update = False
    trivial = 0.5
    """The value that a predictor reaches without seeing the input."""
    predicted: Any
    times: Any
    events: Any

    def __init__(self) -> None:
        super().__init__()
        for name in ("predicted", "times", "events"):
            self.add_state(name, default=[], dist_reduce_fx="cat")

    def update(self, predicted: Tensor, time: Tensor, event: Tensor) -> None:
        """Update with samples.

        Args:
            predicted: a value that is larger for later events, ``[batch]``.
            time: ``[batch]``.
            event: 1 if the event happened at that time, else 0, ``[batch]``.
        """
        # One dtype for all, so that a process without samples can join them.
        self.predicted.append(predicted.detach().float())
        self.times.append(time.float())
        self.events.append(event.float())

    def compute(self) -> Tensor:
        """The share, a scalar."""
        if not len(self.times):
            return torch.tensor(torch.nan, device=self.device)
        parts = (dim_zero_cat(each) for each in (self.predicted, self.times, self.events))
        return concordance(*parts)


def concordance(predicted: Tensor, time: Tensor, event: Tensor) -> Tensor:
    """Compute it for samples in any order; see `Concordance` and its `update`."""
    happened = event == 1
    # Samples that are censored at the time of an event come after it.
    place = 2 * time.unique(return_inverse=True)[1] + (~happened).long()
    # At equal places, which are not comparable, larger predictions come first, so no pair counts.
    order = predicted.argsort(descending=True, stable=True)
    order = order[place[order].argsort(stable=True)]
    score, place, happened = predicted[order].double(), place[order], happened[order]
    behind = len(place) - torch.searchsorted(place, place, right=True)
    pairs = behind[happened].sum()
    right, equal = _later_pairs(score, happened)
    among = torch.stack([score[happened], place[happened].double()], 1)
    alike = among.unique(dim=0, return_counts=True)[1]
    # Equal predictions at equal places were counted.
    equal = equal - (alike * (alike - 1) // 2).sum()
    return ((right.double() + equal.double() / 2) / pairs).float()


def _later_pairs(score: Tensor, counts: Tensor) -> tuple[Tensor, Tensor]:
    """Count, for samples that count, the later ones with a larger score, and with an equal one.

    As in a merge sort, halves of ever larger blocks are compared, all blocks at once.
    """
    size = 1 << max(len(score) - 1, 1).bit_length()
    padded = score.new_full((size,), -torch.inf)
    padded[: len(score)] = score
    mask = torch.zeros(size, dtype=torch.bool, device=score.device)
    mask[: len(score)] = counts
    right = equal = torch.zeros((), dtype=torch.int64, device=score.device)
    half = 1
    while half < size:
        earlier, later = padded.view(-1, 2, half).unbind(1)
        later = later.sort(dim=1).values
        earlier, of_blocks = earlier.contiguous(), mask.view(-1, 2, half)[:, 0]
        not_larger = torch.searchsorted(later, earlier, right=True)
        smaller = torch.searchsorted(later, earlier)
        right = right + (half - not_larger)[of_blocks].sum()
        equal = equal + (not_larger - smaller)[of_blocks].sum()
        half *= 2
    return right, equal
