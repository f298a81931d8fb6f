"""Checkpoints say their format; older ones load, later ones are refused."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from lightning.pytorch import Trainer

from multitask import InputError, MultiTask
from multitask.data import DataModule

TinyData = Callable[..., DataModule]
TinyModel = Callable[..., MultiTask]
MakeTrainer = Callable[..., Trainer]

pytestmark = pytest.mark.filterwarnings("ignore")


@pytest.fixture
def saved(tiny_data: TinyData, tiny_model: TinyModel, trainer: MakeTrainer, tmp_path: Path) -> Path:
    """A checkpoint after one epoch of three batches."""
    fitted, path = trainer(max_epochs=1), tmp_path / "model.ckpt"
    fitted.fit(tiny_model(skips=5), tiny_data())
    fitted.save_checkpoint(path)
    return path


def test_the_format_and_the_version_are_in_the_checkpoint(saved: Path) -> None:
    content = torch.load(saved, weights_only=True)
    assert content["multitask"]["format"] == 2
    assert content["multitask"]["version"]
    assert content["callbacks"]["SkippedSteps"] == {"count": 0}
    assert "val/score" in content["callbacks"]["EpochLog"]["metrics"]


def test_what_the_first_format_remembers_is_taken_up(
    saved: Path, tiny_data: TinyData, tiny_model: TinyModel, trainer: MakeTrainer
) -> None:
    content = torch.load(saved, weights_only=True)
    metrics = content["callbacks"].pop("EpochLog")["metrics"]
    log = content["callbacks"].pop("StepLog")
    del content["multitask"], content["callbacks"]["SkippedSteps"]
    content["progress"] = {"metrics": metrics, "step_log": log, "skipped": 3}
    torch.save(content, saved)
    model, again = tiny_model(skips=5), trainer(max_epochs=2, limit_val_batches=0)
    again.fit(model, tiny_data(), ckpt_path=saved, weights_only=True)
    assert again.global_step == 6
    assert model.skipped.count == 3
    assert again.callback_metrics["val/score"] == metrics["val/score"]


def test_a_later_format_is_refused(
    saved: Path, tiny_data: TinyData, tiny_model: TinyModel, trainer: MakeTrainer
) -> None:
    content: dict[str, Any] = torch.load(saved, weights_only=True)
    content["multitask"] = {"format": 3, "version": "9.0"}
    torch.save(content, saved)
    with pytest.raises(InputError, match=r"written by multitask 9\.0, in format 3"):
        trainer().test(tiny_model(), tiny_data(), ckpt_path=saved, weights_only=True)
