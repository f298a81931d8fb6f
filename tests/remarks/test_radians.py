"""Angles in radians are told from those in degrees."""

from __future__ import annotations

import numpy as np
import pytest
from pandas import Series

from multitask.geometry import Angle
from multitask.remarks.radians import radians
from multitask.tables.target_columns import TargetColumns
from multitask.tables.target_remarks import target_remarks

TURN = np.linspace(0, 2 * np.pi, 24)


@pytest.mark.parametrize(
    ("angles", "are_radians"),
    [
        (TURN, True),
        (TURN - np.pi, True),
        (np.rad2deg(TURN), False),
        (TURN / 2, True),
        (TURN[:9], False),
        (np.linspace(-6, 6, 24), False),
        (np.linspace(-1, 1, 24), False),
        (np.arange(24) % 7, False),
    ],
)
def test_radians_are_told(angles: np.ndarray, are_radians: bool) -> None:
    for cells in (Series(angles), Series(angles.astype(str))):
        assert (radians(cells) is not None) == are_radians


def test_targets_that_follow_as_angles_are_asked() -> None:
    cells = {"heading": Series([*TURN, None])}
    said = list(target_remarks("way", TargetColumns("heading", follows=Angle()), cells, []))
    assert len(said) == 1
    assert "target 'way', column 'heading': its angles are from 0 to 6.28" in said[0]
    assert list(target_remarks("way", TargetColumns("heading"), cells, [])) == []
