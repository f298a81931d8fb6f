"""A training that stops and continues from its checkpoint equals one that never stopped."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

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
    middle = ModelCheckpoint(tmp_path, filename="middle", every_n_train_steps=3, save_top_k=-1)
    # The third epoch is the first in which a balancer may compare two epochs.
    options: dict[str, Any] = {"limit_train_batches": 2, "all_tasks": case.needs_all}
    train(whole, steps=5, callbacks=[middle], enable_checkpointing=True, **options)
    train(resumed, steps=5, ckpt_path=tmp_path / "middle.ckpt", **options)
    assert largest_difference(weights(whole), weights(resumed)) == 0
    saved = torch.load(tmp_path / "middle.ckpt", weights_only=True)
    assert saved["global_step"] == 3
    cell("resumed", case, WORKS)
