"""Targets that are computed from the inputs themselves; one file per kind."""

from multitask.data.computed.base import ComputedTargets, part_seed
from multitask.data.computed.masked_tokens import MaskedTokens
from multitask.data.computed.morphometrics import Morphometrics
from multitask.data.computed.random_rotation import RandomRotation

__all__ = ["ComputedTargets", "MaskedTokens", "Morphometrics", "RandomRotation", "part_seed"]
