"""From the shared representation to what each task sees of it: one file for each scheme."""

from multitask.sharing.base import Sharing
from multitask.sharing.hard import HardSharing

__all__ = ["HardSharing", "Sharing"]
