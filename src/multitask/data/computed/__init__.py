"""Targets that are computed from the images themselves: one file for each kind."""

from multitask.data.computed.base import ComputedTargets
from multitask.data.computed.morphometrics import Morphometrics
from multitask.data.computed.random_rotation import RandomRotation

__all__ = ["ComputedTargets", "Morphometrics", "RandomRotation"]
