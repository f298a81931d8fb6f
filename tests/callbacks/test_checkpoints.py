"""Which checkpoints are kept."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from lightning.pytorch import Trainer

from multitask import MultiTask
from multitask.callbacks import LastCheckpoint
from multitask.data import DataModule

pytestmark = pytest.mark.filterwarnings("ignore")
Fit = Callable[..., None]


@pytest.fixture
def fit(
    tiny_data: Callable[..., DataModule],
    tiny_model: Callable[..., MultiTask],
    trainer: Callable[..., Trainer],
    tmp_path: Path,
) -> Fit:
    """Trains with a `LastCheckpoint`."""

    def run(epochs: int, keep: int, source: Path | None = None) -> None:
        last = LastCheckpoint(tmp_path / "kept", keep)
        made = trainer(max_epochs=epochs, callbacks=[last], enable_checkpointing=True)
        made.fit(tiny_model(), tiny_data(), ckpt_path=source, weights_only=True)

    return run


def kept(tmp_path: Path) -> dict[str, int]:
    """By name, the step of each checkpoint; an epoch has three."""
    return {
        path.name: torch.load(path, weights_only=True)["global_step"]
        for path in (tmp_path / "kept").iterdir()
    }


@pytest.mark.parametrize(
    ("keep", "expected"),
    [
        (1, {"last.ckpt": 12}),
        (2, {"last.ckpt": 12, "last-1.ckpt": 9}),
        (3, {"last.ckpt": 12, "last-1.ckpt": 9, "last-2.ckpt": 6}),
    ],
)
@pytest.mark.parametrize("has_links", [True, False])
def test_the_last_ones_are_numbered_by_age(
    keep: int,
    expected: dict[str, int],
    has_links: bool,
    fit: Fit,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def refuse(*_: object) -> None:
        raise OSError("this file system has no links")

    if not has_links:
        monkeypatch.setattr(os, "link", refuse)
    fit(4, keep)
    assert kept(tmp_path) == expected


def test_a_run_that_goes_on_from_the_last_keeps_it(fit: Fit, tmp_path: Path) -> None:
    fit(2, 2)
    fit(3, 2, tmp_path / "kept/last.ckpt")
    assert kept(tmp_path) == {"last.ckpt": 9, "last-1.ckpt": 6}


def test_a_run_that_goes_on_from_the_one_before_does_not_lose_it(fit: Fit, tmp_path: Path) -> None:
    fit(3, 2)
    (tmp_path / "kept/last.ckpt").write_bytes(b"damaged")
    fit(3, 2, tmp_path / "kept/last-1.ckpt")
    assert kept(tmp_path) == {"last.ckpt": 9, "last-1.ckpt": 6}
