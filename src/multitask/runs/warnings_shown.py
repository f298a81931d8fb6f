"""The warnings that a user sees, and their format."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

PACKAGE = Path(__file__).parents[1]
NOISE = (
    # Data without a validation set have no loader for it.
    r".*Total length of `list` across ranks is zero.*",
    r".*could not find the monitored key.*",
    r".*isinstance\(treespec, LeafSpec\).*",
    r".*does not have many workers.*",
    r".*Checkpoint directory .* exists and is not empty.*",
    r".*The number of training batches .* is smaller than the logging interval.*",
    r".*callbacks used to create the checkpoint need to be provided.*",
    r".*Attribute '.*' is an instance of `nn.Module`.*",
    r"You're using the WeightAveraging callback.*",
    # Frozen statistics are included on purpose.
    r"Found .* module\(s\) in eval mode.*",
    r".*FSDP2-wrapped module .* returned a view tensor.*",
)
"""Messages of libraries about intended behaviour."""


def quiet_warnings() -> None:
    """Hide warnings that nobody can act on, and show this program's own warnings as sentences."""
    for message in NOISE:
        warnings.filterwarnings("ignore", message=message)
    usual = warnings.formatwarning
    if getattr(usual, "is_brief", False):
        return

    def brief(message: Any, category: type[Warning], filename: str, *place: Any) -> str:
        own = PACKAGE in Path(filename).parents
        return f"multitask: {message}\n" if own else usual(message, category, filename, *place)

    brief.is_brief = True  # type: ignore[attr-defined]
    warnings.formatwarning = brief  # type: ignore[assignment]
