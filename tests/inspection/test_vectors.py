"""Columns that belong together."""

from __future__ import annotations

import pytest

from multitask.inspection.vectors import vectors


@pytest.mark.parametrize(
    ("names", "found"),
    [
        ("y1 x1 x2 y2", [("points", ["x1", "y1", "x2", "y2"], True)]),
        ("p_1_y p_1_x p_2_x p_2_y", [("p", ["p_1_x", "p_1_y", "p_2_x", "p_2_y"], True)]),
        (
            "eye_x eye_y nose_x nose_y",
            [("eye", ["eye_x", "eye_y"], True), ("nose", ["nose_x", "nose_y"], True)],
        ),
        ("x y z", [("position", ["x", "y", "z"], True)]),
        (
            " ".join(f"landmark_{each}" for each in (10, 9, 8, 7, 6, 5, 4, 3, 2, 1, 0)),
            [("landmark", [f"landmark_{each}" for each in range(11)], False)],
        ),
        ("a1 a2 b0 b1", [("a", ["a1", "a2"], False), ("b", ["b0", "b1"], False)]),
        # Not whole, or not of one prefix.
        ("x1 y1 x2", [("x", ["x1", "x2"], False)]),
        ("score_1 score_3", []),
        ("score_2 score_3", []),
        ("index tax box proxy y", []),
        ("weight height", []),
        ("mass1", []),
    ],
)
def test_vectors(names: str, found: list[tuple[str, list[str], bool]]) -> None:
    assert list(vectors(names.split())) == found
