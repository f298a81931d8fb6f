"""The best score of a run, whatever else its checkpoints watch."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from lightning.pytorch import Trainer
from lightning.pytorch.callbacks import ModelCheckpoint

from multitask import MultiTask
from multitask.callbacks import BestCheckpoint
from multitask.runs.summary import best_score


@pytest.mark.parametrize("score", [0.25, None])
def test_a_persons_own_checkpoints_do_not_count(
    score: float | None,
    tmp_path: Path,
    tiny_model: Callable[..., MultiTask],
    trainer: Callable[..., Trainer],
) -> None:
    best, other = BestCheckpoint(tmp_path), ModelCheckpoint(tmp_path, monitor="val/size/rmse")
    best.best_model_score = None if score is None else torch.tensor(score)
    other.best_model_score = torch.tensor(12.0)
    model = tiny_model()
    model.trainer = trainer(callbacks=[best, other], enable_checkpointing=True)
    assert best_score(model) == score
