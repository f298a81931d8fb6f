"""Records of what a scheme learned to share stay small, and fit into a checkpoint."""

from __future__ import annotations

import io

import pytest
import torch
from torch.testing import assert_close

from multitask.errors import InputError
from multitask.sharing import Mixing
from multitask.training import mixing_records
from multitask.training.mixing_records import MixingRecords

PARTS = ["expert 1", "expert 2", "expert 3"]


def test_a_record_is_not_changed_by_training() -> None:
    learned = torch.nn.Parameter(torch.zeros(2, 3))
    records = MixingRecords()
    records.add(0, {"experts": Mixing(learned, PARTS)}, 2)
    with torch.no_grad():
        learned += 1
    records.add(50, {"experts": Mixing(learned, PARTS)}, 2)
    assert [float(each.sum()) for each in records.shares["experts"]] == [0, 6]
    assert not any(each.requires_grad for each in records.shares["experts"])


def test_the_state_is_read_back_from_a_file_as_it_was() -> None:
    records, again = MixingRecords(), MixingRecords()
    for at in (0, 50, 100):
        records.add(at, {"experts": Mixing(torch.rand(2, 3), PARTS)}, 2)
    file = io.BytesIO()
    torch.save(records.state_dict(), file)
    file.seek(0)
    again.load_state_dict(torch.load(file, weights_only=True))
    assert (again.at, again.parts) == ([0, 50, 100], {"experts": PARTS})
    for one, two in zip(records.shares["experts"], again.shares["experts"], strict=True):
        assert_close(one, two, rtol=0, atol=0)
    again.load_state_dict(MixingRecords().state_dict())
    assert (again.at, again.parts, again.shares) == ([], {}, {})


def test_what_is_unknown_is_nan() -> None:
    records = MixingRecords()
    records.add(0, {}, 2)
    records.add(1, {"early": Mixing(torch.ones(2, 1), ["a"])}, 2)
    records.add(2, {"late": Mixing(torch.ones(2, 3), PARTS)}, 2)
    assert records.at == [1, 2]
    early, late = (torch.stack(records.shares[place]) for place in ("early", "late"))
    assert early.isnan().flatten(1).all(1).tolist() == [False, True]
    assert late.isnan().flatten(1).all(1).tolist() == [True, False]


def test_of_too_many_records_the_first_and_every_second_one_stay(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(mixing_records, "MOST", 4)
    records = MixingRecords()
    for at in range(7):
        records.add(at, {"experts": Mixing(torch.full((2, 3), float(at)), PARTS)}, 2)
    assert records.at == [0, 4, 6]
    assert [float(each[0, 0]) for each in records.shares["experts"]] == [0, 4, 6]


def test_records_of_many_tasks_and_parts_stay_small() -> None:
    records, parts = MixingRecords(), [str(part) for part in range(100)]
    for at in range(40):
        records.add(at, {"experts": Mixing(torch.rand(100, 100), parts)}, 100)
    assert sum(each.numel() * 4 for each in records.shares["experts"]) <= mixing_records.SIZE
    assert records.at[0] == 0


@pytest.mark.parametrize(
    ("shares", "parts", "sentence"),
    [
        (torch.ones(3, 3), PARTS, r"'experts' has shares of shape \[3, 3\]; 2 tasks and 3 parts"),
        (torch.ones(3), PARTS, r"shape \[3\]; 2 tasks and 3 parts need \[2, 3\]"),
        (torch.ones(2, 1), ["other"], "has the parts other; before, it had expert 1, expert 2"),
    ],
)
def test_what_does_not_fit_is_refused_in_a_sentence(
    shares: torch.Tensor, parts: list[str], sentence: str
) -> None:
    records = MixingRecords()
    records.add(0, {"experts": Mixing(torch.ones(2, 3), PARTS)}, 2)
    with pytest.raises(InputError, match=sentence):
        records.add(1, {"experts": Mixing(shares, parts)}, 2)
