"""Every task sees the whole representation."""

from __future__ import annotations

from torch import Tensor

from multitask.sharing.base import Sharing


class HardSharing(Sharing):
    """Hard parameter sharing: all heads read the same features (Caruana, 1997)."""

    def forward(self, representation: dict[str, Tensor]) -> dict[str, Tensor]:
        return representation
