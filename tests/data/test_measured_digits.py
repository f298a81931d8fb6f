"""MeasuredDigits: the readings say what the images show, and some are missing."""

from __future__ import annotations

import pytest
import torch

from multitask.data import MeasuredDigits, PosedDigits
from multitask.data.measured_digits import HOLES
from multitask.errors import InputError


def test_readings_stand_beside_the_same_images() -> None:
    data, plain = MeasuredDigits(seed=0, missing_readings=0.0), PosedDigits(seed=0)
    data.setup()
    plain.setup()
    rows = torch.arange(1500)
    batch, images = data.splits["test"][rows], plain.splits["test"].images(rows)
    assert torch.equal(batch["image"], images)
    for name, target in plain.targets("test").items():
        assert torch.equal(batch[name], target)
    tilt, ink, holes = batch["numbers"].T
    assert batch["numbers"].dtype == torch.float32
    assert (tilt - batch["angle"]).std() == pytest.approx(5, rel=0.1)
    assert torch.corrcoef(torch.stack([ink, batch["image"].mean((1, 2, 3))]))[0, 1] > 0.4
    agreed = holes == torch.tensor(HOLES)[batch["digit"]]
    assert agreed.float().mean() == pytest.approx(1 - 0.1 * 2 / 3, abs=0.03)
    columns = data.written_inputs()["numbers"]
    assert columns.sizes == [1, 1, 3]


def test_a_share_of_the_readings_is_missing() -> None:
    data, whole = (MeasuredDigits(seed=0, missing_readings=share) for share in (0.3, 0.0))
    for each in (data, whole):
        each.setup()
    rows = torch.arange(2000)
    some, all_of_them = (each.splits["train"].inputs(rows)["numbers"] for each in (data, whole))
    known = ~some.isnan()
    assert (~known).float().mean(0) == pytest.approx(0.3, abs=0.04)
    assert torch.equal(some[known], all_of_them[known])
    with pytest.raises(InputError, match="missing_readings is 1.5; give a share"):
        MeasuredDigits(missing_readings=1.5)
