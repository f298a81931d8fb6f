"""Several boxes for each image, in a column or in rows."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from multitask.errors import InputError
from multitask.inspection.box_lists import refuse_rows_of_boxes
from multitask.inspection.column_kinds import column_kind


@pytest.mark.parametrize(
    ("cells", "are_boxes"),
    [
        (['[["cat", 1, 2, 3, 4]]', "[]", None], True),
        ([[["cat", 1, 2, 3, 4], ["dog", 1, 2, 3, 4]], []], True),
        (["[]", "[]"], False),
        (["[1, 2, 3, 4]", "[1, 2, 3, 5]"], False),
        ([[1, 2, 3, 4], [1, 2, 3, 5]], False),
    ],
)
def test_a_column_of_boxes_says_how_to_ask_for_it(cells: list[object], are_boxes: bool) -> None:
    remark = column_kind(pd.Series(cells, name="animals")).remark
    assert ("multitask.tables.boxes.BoxCells" in remark) is are_boxes
    assert ("classes: [cat" in remark) is are_boxes


def test_rows_of_boxes_say_how_to_ask_for_them() -> None:
    images = pd.Series(["a.png", "b.png", "a.png"])
    with pytest.raises(InputError, match="several rows for one image, such as 'a.png'.*BoxTable"):
        refuse_rows_of_boxes(Path("boxes.csv"), images, [["x1", "y1", "x2", "y2"]], "file")
    refuse_rows_of_boxes(Path("boxes.csv"), images, [], "file")
    refuse_rows_of_boxes(Path("boxes.csv"), images[:2], [["x1", "y1", "x2", "y2"]], "file")
