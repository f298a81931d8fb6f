"""RandomState: the numbers after a resume are those that would have come."""

from __future__ import annotations

import random
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from lightning.pytorch import LightningModule

from multitask.callbacks import RandomState


def processes(count: int = 1) -> Any:
    return SimpleNamespace(world_size=count, global_rank=0)


def numbers() -> list[float]:
    """Of every kind; normal numbers are drawn in pairs, of which the second is kept."""
    return [
        random.random(),
        random.gauss(0, 1),
        float(np.random.rand()),
        float(np.random.randn()),
        float(torch.rand(())),
        *torch.randn(5).tolist(),
        *torch.nn.functional.dropout(torch.ones(8)).tolist(),
    ]


def saved(path: Path) -> dict[str, Any]:
    checkpoint: dict[str, Any] = {}
    RandomState().on_save_checkpoint(processes(), LightningModule(), checkpoint)
    torch.save(checkpoint, path)
    return torch.load(path, weights_only=True)


def resume(checkpoint: dict[str, Any], count: int = 1) -> RandomState:
    callback = RandomState()
    callback.on_load_checkpoint(processes(count), LightningModule(), checkpoint)
    return callback


@pytest.mark.parametrize("drawn", [0, 1])
def test_restored_state_gives_the_same_numbers(drawn: int, tmp_path: Path) -> None:
    for _ in range(drawn):
        numbers()
    checkpoint = saved(tmp_path / "state.ckpt")
    expected = numbers()
    assert numbers() != expected
    callback = resume(checkpoint)
    numbers()
    callback.on_train_start(processes(), LightningModule())
    assert numbers() == expected


def test_saving_draws_no_number(tmp_path: Path) -> None:
    checkpoint = saved(tmp_path / "first.ckpt")
    expected = numbers()
    resume(checkpoint).on_train_start(processes(), LightningModule())
    saved(tmp_path / "second.ckpt")
    assert numbers() == expected


def test_loading_restores_nothing_before_training_starts(tmp_path: Path) -> None:
    checkpoint = saved(tmp_path / "state.ckpt")
    first = numbers()
    resume(checkpoint)
    assert numbers() != first


@pytest.mark.parametrize("count", [2, 3])
def test_other_number_of_processes_goes_on_unrestored(count: int, tmp_path: Path) -> None:
    checkpoint = saved(tmp_path / "state.ckpt")
    first = numbers()
    resume(checkpoint, count).on_train_start(processes(count), LightningModule())
    assert numbers() != first


def test_checkpoint_without_random_states_is_accepted() -> None:
    before = torch.get_rng_state()
    resume({}).on_train_start(processes(), LightningModule())
    RandomState().on_train_start(processes(), LightningModule())
    assert torch.equal(before, torch.get_rng_state())
