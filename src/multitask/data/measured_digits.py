"""Posed digits with measured values: images and numbers as inputs."""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor

from multitask.data.digits import source_digits
from multitask.data.posed_digits import PosedDigits
from multitask.errors import InputError
from multitask.tables.input_columns import InputColumns

COLUMNS = ("tilt", "ink", "holes")
HOLES = (1, 0, 0, 0, 0, 0, 1, 0, 2, 1)
"""Number of enclosed areas of each digit."""
TILT_ERROR, INK_ERROR = 5.0, 1.0
WRONG_HOLES = 0.1


class MeasuredDigits(PosedDigits):
    """`PosedDigits` with a second input of three readings each, some of which are missing.

    The input ``numbers``, float32 ``[batch, 3]``, has the columns ``tilt`` (the angle in degrees,
    with an error whose standard deviation is 5), ``ink`` (the mean brightness of the clean digit in
    percent, with an error of 1) and ``holes`` (a category: 0, 1 or 2 enclosed areas of the digit,
    in one case of ten a random one). A missing reading is NaN.

    Args:
        missing_readings: fraction of the readings that are missing, from 0 to 1, chosen at random.
        options: see `PosedDigits`.
    """

    def __init__(self, missing_readings: float = 0.3, **options: Any) -> None:
        super().__init__(**options)
        if not 0 <= missing_readings <= 1:
            raise InputError(f"missing_readings is {missing_readings}; give a share from 0 to 1")
        self.missing_readings = missing_readings

    def seen(self, split: str, images: Tensor, angle: Tensor, rows: Tensor) -> dict[str, Tensor]:
        """The images and the readings."""
        glyphs, labels = source_digits()
        # The images must be the same as without readings.
        generator = torch.Generator().manual_seed(10 * self.seed + len(split))
        errors = torch.randn(2, len(rows), generator=generator)
        guessed = torch.randint(3, (len(rows),), generator=generator)
        is_wrong = torch.rand(len(rows), generator=generator) < WRONG_HOLES
        holes = torch.where(is_wrong, guessed, torch.tensor(HOLES)[labels[rows]])
        ink = 100 * glyphs[rows].mean((1, 2, 3))
        numbers = torch.stack(
            [angle + TILT_ERROR * errors[0], ink + INK_ERROR * errors[1], holes.float()], 1
        )
        is_missing = torch.rand(numbers.shape, generator=generator) < self.missing_readings
        return {"image": images, "numbers": numbers.masked_fill(is_missing, math.nan)}

    def written_inputs(self) -> dict[str, Any]:
        """The names of the readings."""
        return {"numbers": InputColumns(columns=list(COLUMNS), categories={"holes": [0, 1, 2]})}
