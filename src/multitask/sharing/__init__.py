"""Sharing schemes, which define shared and task-specific parts: one file for each."""

from multitask.sharing.adapters import Adapters
from multitask.sharing.base import Mixing, Sharing, SharingCallable
from multitask.sharing.cross_stitch import CrossStitch
from multitask.sharing.dselect_k import DSelectK
from multitask.sharing.film import FiLM
from multitask.sharing.hard import HardSharing
from multitask.sharing.learned_branching import LearnedBranching
from multitask.sharing.low_rank_tasks import LowRankTasks
from multitask.sharing.mmoe import MMoE
from multitask.sharing.mtan import MTAN
from multitask.sharing.nddr import NDDR
from multitask.sharing.ple import PLE
from multitask.sharing.sluice import Sluice
from multitask.sharing.soft_sharing import SoftSharing

__all__ = [
    "MTAN",
    "NDDR",
    "PLE",
    "Adapters",
    "CrossStitch",
    "DSelectK",
    "FiLM",
    "HardSharing",
    "LearnedBranching",
    "LowRankTasks",
    "MMoE",
    "Mixing",
    "Sharing",
    "SharingCallable",
    "Sluice",
    "SoftSharing",
]
