"""What tasks share, and what each has of its own: one file for each scheme."""

from multitask.sharing.base import Mixing, Sharing, SharingCallable
from multitask.sharing.cross_stitch import CrossStitch
from multitask.sharing.hard import HardSharing
from multitask.sharing.low_rank_tasks import LowRankTasks
from multitask.sharing.mmoe import MMoE

__all__ = [
    "CrossStitch",
    "HardSharing",
    "LowRankTasks",
    "MMoE",
    "Mixing",
    "Sharing",
    "SharingCallable",
]
