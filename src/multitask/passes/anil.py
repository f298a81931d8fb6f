"""MAML with inner steps for the heads only."""

from __future__ import annotations

from collections.abc import Iterable

from multitask.passes.fomaml import FOMAML
from multitask.passes.inner_steps import Parts


class ANIL(FOMAML):
    """First-order MAML that adapts only the heads: "almost no inner loop".

    Raghu et al., 2020 (arXiv 1909.09157), section 4: shared parameters are not adapted, and are
    trained only by the queries' losses. See `FOMAML`.

    Args:
        steps: see `EpisodicPass`; 0 or more.
        learning_rate: see `EpisodicPass`.
        batch_norm: see `EpisodicPass`.

    Raises:
        InputError: if a setting is invalid.
    """

    def adapted_names(self, parts: Parts) -> Iterable[str]:
        return [name for name in parts.trained if name.startswith("heads.")]
