"""Columns that are boxes."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from multitask.inspection.boxes import boxes


def table(names: str, *columns: list[float]) -> pd.DataFrame:
    cells = columns or ([10.0, 20, 30], [5.0, 6, 7], [40.0, 50, 60], [15.0, 16, 17])
    return pd.DataFrame(dict(zip(names.split(), np.array(cells), strict=True)))


@pytest.mark.parametrize(
    ("names", "found"),
    [
        ("xmin ymin xmax ymax", ("box", "xyxy")),
        ("X_Min Y_Min X_Max Y_Max", ("box", "xyxy")),
        ("Roi.X1 Roi.Y1 Roi.X2 Roi.Y2", ("Roi", "xyxy")),
        ("face_left face_top face_right face_bottom", ("face", "xyxy")),
        ("bbox_x bbox_y bbox_w bbox_h", ("bbox", "xywh")),
        ("x y width height", ("box", "xywh")),
        ("cx cy w h", ("box", "cxcywh")),
        ("a b c d", None),
        ("tax y w h", None),
        ("a_x a_y b_w b_h", None),
    ],
)
def test_by_their_names(names: str, found: tuple[str, str] | None) -> None:
    expected = [] if found is None else [(found[0], names.split(), found[1])]
    assert list(boxes(table(names), names.split())) == expected


def test_by_their_cells_too() -> None:
    names = "x1 y1 x2 y2"
    # Two points, of which the second is not always right of the first and below it.
    assert not list(boxes(table(names, [1, 2, 3], [4, 5, 6], [9, 1, 9], [9, 9, 9]), names.split()))
    # Shares of the image's sides are no pixels.
    shares = ([0.1, 0.2, 0.3], [0.1, 0.1, 0.1], [0.5, 0.5, 0.5], [0.9, 0.9, 1.0])
    assert not list(boxes(table(names, *shares), names.split()))
    # Boxes that are missing do not count.
    gaps = ([1, np.nan, 3, 4], [1, 2, 3, 4], [8, 1, 8, 8], [9, 9, 9, 9])
    assert list(boxes(table(names, *gaps), names.split())) == [("box", names.split(), "xyxy")]
