"""F1 of entities: spans of tokens that begin with B- and continue with I-."""

from __future__ import annotations

import re
from collections.abc import Sequence

import torch
from torch import Tensor
from torchmetrics import Metric

from multitask.missing_labels import known

OUTSIDE = "O"
INSIDE = re.compile(r"([BI])-(.+)")


def are_bio(labels: Sequence[str]) -> bool:
    """Whether labels mark entities: one is O, all others are B- or I- followed by a kind.

    Args:
        labels: names of the labels.
    """
    others = [each for each in labels if each != OUTSIDE]
    return 0 < len(others) < len(labels) and all(map(INSIDE.fullmatch, others))


class EntityF1(Metric):
    """F1 of entities; one counts as found if its first token, last token and kind are correct.

    This is the score of the CoNLL 2003 shared task (Tjong Kim Sang and De Meulder, 2003). An entity
    begins at a label B-, or at a label I- that does not follow an entity of its kind, and continues
    while labels I- of its kind follow. Tokens without a known label are skipped, so further tokens
    of a word do not end its entity. NaN if there are no entities, true or predicted.

    Args:
        labels: names of the labels, see `are_bio`.
    """

    is_differentiable = False
    higher_is_better = True
    full_state_update = False
    right: Tensor
    predicted: Tensor
    true: Tensor

    def __init__(self, labels: Sequence[str]) -> None:
        super().__init__()
        names = [each.partition("-")[2] for each in labels]
        # The empty kind, which is the first, is that of O.
        kinds = sorted({"", *names})
        self.kinds = [kinds.index(each) for each in names]
        self.begins = [each.startswith("B-") for each in labels]
        for name in ("right", "predicted", "true"):
            self.add_state(name, torch.zeros((), dtype=torch.int64), dist_reduce_fx="sum")

    def update(self, labels: Tensor, truth: Tensor) -> None:
        """Update with texts.

        Args:
            labels: predicted label numbers, shape ``[texts, places]``, int64.
            truth: the true label numbers, same shape, -100 if not known.
        """
        mask = known(truth)
        text = mask.nonzero()[:, 0]
        found, true = (self._entities(each[mask], text) for each in (labels, truth))
        self.right += torch.isin(found, true, assume_unique=True).sum()
        self.predicted += len(found)
        self.true += len(true)

    def compute(self) -> Tensor:
        """F1, a scalar."""
        return (2 * self.right.double() / (self.predicted + self.true)).float()

    def _entities(self, labels: Tensor, text: Tensor) -> Tensor:
        """A number for each entity, equal for equal entities.

        Args:
            labels: labels of one text after the other, shape ``[tokens]``.
            text: index of each token's text, ascending.
        """
        kind = labels.new_tensor(self.kinds)[labels]
        is_inside, is_begin = kind > 0, torch.tensor(self.begins, device=labels.device)[labels]
        goes_on = torch.zeros_like(is_inside)
        same = (kind[1:] == kind[:-1]) & (text[1:] == text[:-1])
        goes_on[1:] = is_inside[1:] & same & ~is_begin[1:]
        first = (is_inside & ~goes_on).nonzero().flatten()
        ends = is_inside.clone()
        ends[:-1] &= ~goes_on[1:]
        last = ends.nonzero().flatten()
        return (first * len(labels) + last) * (max(self.kinds) + 1) + kind[first]
