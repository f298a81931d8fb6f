"""Random numbers go on where they stopped."""

from __future__ import annotations

import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from lightning.pytorch import Callback, Trainer

from multitask import MultiTask
from multitask.callbacks import RandomState
from multitask.data import DataModule


def draw() -> tuple[list[float], ...]:
    """Numbers of each source; the normal ones leave a second one in store."""
    return (
        [random.random(), random.gauss(0, 1)],
        [*np.random.rand(2), np.random.randn()],
        [*torch.rand(2).tolist(), torch.randn(()).item()],
    )


def seed(number: int) -> None:
    random.seed(number)
    np.random.seed(number)
    torch.manual_seed(number)


@pytest.fixture
def parts(
    trainer: Callable[..., Trainer], tiny_model: Callable[..., MultiTask]
) -> tuple[Trainer, MultiTask]:
    return trainer(), tiny_model()


@pytest.mark.parametrize("before", [0, 1, 2])
def test_restored_state_gives_the_same_numbers(
    parts: tuple[Trainer, MultiTask], tmp_path: Path, before: int
) -> None:
    seed(0)
    for _ in range(before):
        draw()
    checkpoint: dict[str, Any] = {}
    RandomState().on_save_checkpoint(*parts, checkpoint)
    expected = [draw() for _ in range(3)]

    torch.save(checkpoint, tmp_path / "a.ckpt")
    seed(99)
    resumed = RandomState()
    resumed.on_load_checkpoint(*parts, torch.load(tmp_path / "a.ckpt", weights_only=True))
    draw()
    resumed.on_train_start(*parts)
    assert [draw() for _ in range(3)] == expected


def test_saving_draws_no_number(parts: tuple[Trainer, MultiTask]) -> None:
    seed(0)
    expected = draw()
    seed(0)
    RandomState().on_save_checkpoint(*parts, {})
    assert draw() == expected


@pytest.mark.parametrize("processes", [0, 2])
def test_states_of_another_number_of_processes_are_left(
    parts: tuple[Trainer, MultiTask], processes: int
) -> None:
    checkpoint: dict[str, Any] = {}
    RandomState().on_save_checkpoint(*parts, checkpoint)
    checkpoint["random_states"] *= processes
    if not processes:
        del checkpoint["random_states"]
    seed(5)
    expected = draw()
    seed(5)
    resumed = RandomState()
    resumed.on_load_checkpoint(*parts, checkpoint)
    resumed.on_train_start(*parts)
    assert draw() == expected


class Draws(Callback):
    """Draws after each batch."""

    def __init__(self) -> None:
        self.numbers: list[Any] = []

    def on_train_batch_end(self, *_: Any) -> None:
        self.numbers.append(draw())


@pytest.mark.filterwarnings("ignore")
def test_resumed_training_draws_the_numbers_that_it_would_have_drawn(
    tiny_data: type[DataModule],
    tiny_model: Callable[..., MultiTask],
    trainer: Callable[..., Trainer],
    tmp_path: Path,
) -> None:
    seed(0)
    whole = Draws()
    first = trainer(max_epochs=1, callbacks=[RandomState(), whole])
    first.fit(tiny_model(), tiny_data())
    first.save_checkpoint(tmp_path / "a.ckpt")
    expected = [draw() for _ in range(3)]
    seed(99)
    rest = Draws()
    second = trainer(max_epochs=2, callbacks=[rest, RandomState()])
    second.fit(tiny_model(), tiny_data(), ckpt_path=tmp_path / "a.ckpt", weights_only=True)
    assert rest.numbers == expected
