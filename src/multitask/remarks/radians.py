"""Angles that are not in degrees."""

from __future__ import annotations

from math import tau

import pandas as pd
from pandas import Series

FEWEST = 20
LEAST = 0.45
"""Turns that many angles cover if they are any directions, or any axes."""


def radians(cells: Series) -> str | None:
    """Whether angles seem to be in radians: many cover half a turn or one, and some are not whole.

    Args:
        cells: of a column of angles, those that are not missing.
    """
    angles = pd.to_numeric(cells, errors="coerce").dropna()
    if len(angles) < FEWEST or angles.abs().max() > tau or (angles % 1 == 0).all():
        return None
    if not LEAST * tau <= angles.max() - angles.min() <= tau:
        return None
    return (
        f"its angles are from {angles.min():.3g} to {angles.max():.3g}, as if in radians; if they "
        "are, write them in degrees, which are 57.3 (180 / pi) times as many"
    )
