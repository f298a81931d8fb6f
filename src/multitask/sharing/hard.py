"""Hard sharing: every task sees the whole representation."""

from __future__ import annotations

from typing import Any

from multitask.sharing.base import Sharing


class HardSharing(Sharing):
    """Hard parameter sharing: all heads read the same features (Caruana, 1997)."""

    def forward(self, views: dict[str, Any]) -> dict[str, Any]:
        return views
