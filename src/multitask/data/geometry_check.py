"""Check that the specified geometry fits the data."""

from __future__ import annotations

from collections.abc import Mapping

from torch import Tensor

from multitask.errors import InputError, nearest
from multitask.geometry import Geometry
from multitask.geometry.moved_targets import may_follow


def check_geometry(geometry: Mapping[str, Geometry], targets: Mapping[str, Tensor]) -> None:
    """Refuse a geometry for a target that does not exist or cannot move.

    Args:
        geometry: how targets follow, by task.
        targets: some of the training targets, by task.

    Raises:
        InputError: naming the task.
    """
    for name, each in geometry.items():
        if name not in targets:
            raise InputError(
                f"data.geometry.{name}: the data have no target '{name}'{nearest(name, targets)}"
            )
        if not isinstance(each, Geometry):
            raise InputError(
                f"data.geometry.{name} is {each!r:.80}; give a multitask.geometry.Geometry, such "
                "as Unchanged()"
            )
        if not may_follow(targets[name]):
            raise InputError(
                f"data.geometry.{name}: '{name}' contains class numbers, which do not change when "
                "an image moves; remove it"
            )
