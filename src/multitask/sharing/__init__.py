"""What tasks share, and what each has of its own: one file for each scheme."""

from multitask.sharing.base import Mixing, Sharing, SharingCallable
from multitask.sharing.cross_stitch import CrossStitch
from multitask.sharing.hard import HardSharing
from multitask.sharing.learned_branching import LearnedBranching
from multitask.sharing.mmoe import MMoE
from multitask.sharing.nddr import NDDR
from multitask.sharing.sluice import Sluice
from multitask.sharing.soft_sharing import SoftSharing

__all__ = [
    "NDDR",
    "CrossStitch",
    "HardSharing",
    "LearnedBranching",
    "MMoE",
    "Mixing",
    "Sharing",
    "SharingCallable",
    "Sluice",
    "SoftSharing",
]
