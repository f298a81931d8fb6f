"""How well predictions order times of which some are censored."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torchmetrics import Metric
from torchmetrics.utilities import dim_zero_cat


class Concordance(Metric):
    """Share of the comparable pairs that the predictions order as the times (Harrell's C).

    A pair is comparable if one sample's event happened before the other's time, or at the time at
    which the other was censored; equal predictions count half (Harrell et al., 1996, Statistics in
    Medicine 15(4), "Multivariable prognostic models", section 5.5). It is of all samples of a
    split, three numbers of each are kept. NaN without a comparable pair.
    """

    is_differentiable = False
    higher_is_better = True
    full_state_update = False
    trivial = 0.5
    """What a predictor that sees no input reaches."""
    predicted: Any
    times: Any
    events: Any

    def __init__(self) -> None:
        super().__init__()
        for name in ("predicted", "times", "events"):
            self.add_state(name, default=[], dist_reduce_fx="cat")

    def update(self, predicted: Tensor, time: Tensor, event: Tensor) -> None:
        """Count samples in.

        Args:
            predicted: what is larger for later events, ``[batch]``.
            time: ``[batch]``.
            event: 1 if the event happened at that time, else 0, ``[batch]``.
        """
        # All of one type, as which a process without a sample joins them.
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
    """Find it for samples in any order; see `Concordance` and its `update`."""
    happened = event == 1
    # Samples that are censored at the time of an event come behind it.
    place = 2 * time.unique(return_inverse=True)[1] + (~happened).long()
    # Of equal places, which do not compare, the larger prediction comes first: none is in order.
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
    """Pairs of a sample that counts and a later one with a larger score, and with an equal one.

    As in a merge sort, halves of ever larger blocks are compared, of all blocks together.
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
