"""Ways to divide a table's rows into training, validation and test sets; one file per way."""

from multitask.data.splits.base import Split
from multitask.data.splits.by_column import ByColumn
from multitask.data.splits.given import GivenSplit, given_split
from multitask.data.splits.grouped import GroupedSplit
from multitask.data.splits.random import RandomSplit
from multitask.data.splits.stratified import StratifiedSplit

__all__ = [
    "ByColumn",
    "GivenSplit",
    "GroupedSplit",
    "RandomSplit",
    "Split",
    "StratifiedSplit",
    "given_split",
]
