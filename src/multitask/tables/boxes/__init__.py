"""Sources of lists of boxes, each with a class; one file per source."""

from multitask.tables.boxes.base import BoxRow, BoxSource
from multitask.tables.boxes.box_cells import BoxCells
from multitask.tables.boxes.box_table import BoxTable
from multitask.tables.boxes.coco_boxes import CocoBoxes

__all__ = ["BoxCells", "BoxRow", "BoxSource", "BoxTable", "CocoBoxes"]
