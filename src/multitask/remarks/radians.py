"""Angles that are not in degrees."""

from __future__ import annotations

from math import tau

import pandas as pd
from pandas import Series

FEWEST = 20
LEAST = 0.45
"""Turns that a set of angles covers if they are arbitrary directions or axes."""


def radians(cells: Series) -> str | None:
    """Detect angles in radians: they cover half a turn or one turn, and some are not whole.

    Args:
        cells: the non-missing cells of a column of angles.
    """
    angles = pd.to_numeric(cells, errors="coerce").dropna()
    if len(angles) < FEWEST or angles.abs().max() > tau or (angles % 1 == 0).all():
        return None
    if not LEAST * tau <= angles.max() - angles.min() <= tau:
        return None
    return (
        f"its angles are from {angles.min():.3g} to {angles.max():.3g}, as if in radians; if they "
        "are, convert them to degrees by multiplying them by 57.3 (180 / pi)"
    )
