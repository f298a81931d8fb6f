"""MAML whose steps change the heads alone."""

from __future__ import annotations

from collections.abc import Iterable

from multitask.passes.fomaml import FOMAML
from multitask.passes.inner_steps import Parts


class ANIL(FOMAML):
    """First-order MAML that adapts the heads alone: "almost no inner loop".

    Raghu et al., 2020 (arXiv 1909.09157), section 4: what tasks share is not adapted, and learns
    from the queries' losses alone. See `FOMAML`.

    Args:
        steps: see `EpisodicPass`; 0 or more.
        learning_rate: see `EpisodicPass`.
        batch_norm: see `EpisodicPass`.

    Raises:
        InputError: if a setting makes no sense.
    """

    def adapted_names(self, parts: Parts) -> Iterable[str]:
        return [name for name in parts.trained if name.startswith("heads.")]
