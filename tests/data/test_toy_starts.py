"""ToyStarts: the seed chooses a start, and every sample is it."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from multitask.data import ToyStarts
from multitask.data.toy_starts import STARTS
from multitask.errors import InputError


def images(**options: Any) -> dict[str, torch.Tensor]:
    data = ToyStarts(**options)
    data.setup()
    return {name: split.images(torch.arange(len(split))) for name, split in data.splits.items()}


@pytest.mark.parametrize("seed", range(7))
def test_the_seed_chooses_the_start(seed: int) -> None:
    for split, found in images(samples=3, seed=seed).items():
        assert found.shape == ((3 if split == "train" else 1), 1, 1, 2)
        assert found.flatten(1).unique(dim=0).tolist() == [list(STARTS[seed % 5])]


def test_the_runs_own_seed_chooses_where_none_is_given(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PL_GLOBAL_SEED", "2")
    assert images()["test"].flatten().tolist() == [9, 9]


def test_an_epoch_has_as_many_steps_as_samples() -> None:
    data = ToyStarts(samples=12, batch_size=1)
    data.setup()
    assert len(data.train_dataloader()) == 12
    assert len(data.test_dataloader()) == 1
    assert data.targets("train")["second"].tolist() == [0] * 12


def test_no_sample_is_refused() -> None:
    with pytest.raises(InputError, match="samples is 0"):
        ToyStarts(samples=0)
