"""A training that stops and continues from its checkpoint equals one that never stopped."""

from __future__ import annotations

import warnings
from pathlib import Path

import pytest
import torch
from conformance.cases import CASES, Case
from conformance.table import WORKS, Record
from conformance.training import largest_difference, small_model, train, weights
from lightning.pytorch.callbacks import ModelCheckpoint


@pytest.mark.parametrize("case", CASES, ids=str)
def test_stopped_and_resumed_equals_never_stopped(case: Case, tmp_path: Path, cell: Record) -> None:
    warnings.simplefilter("ignore")
    whole, resumed = (
        small_model(
            case.make(), None, torch.float64, case.sharing, case.training_pass(), case.teaches
        )
        for _ in range(2)
    )
    middle = ModelCheckpoint(tmp_path, filename="middle", every_n_train_steps=4, save_top_k=-1)
    data = {"all_tasks": case.needs_all}
    train(whole, steps=7, callbacks=[middle], enable_checkpointing=True, **data)
    train(resumed, steps=7, ckpt_path=tmp_path / "middle.ckpt", **data)
    assert largest_difference(weights(whole), weights(resumed)) == 0
    saved = torch.load(tmp_path / "middle.ckpt", weights_only=True)
    assert saved["global_step"] == 4
    cell("resumed", case, WORKS)
