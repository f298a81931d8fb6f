"""A resumed training uses the rates that it is given."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any

import pytest
import torch
from lightning.pytorch import Trainer
from tiny_training import TinyData, tiny_model
from torch.optim.lr_scheduler import CosineAnnealingLR, LambdaLR, LRScheduler, StepLR
from torchjd.scalarization import UW

from multitask.balancing import Scalarized

SCHEDULES: dict[str, Any] = {
    "none": None,
    "in steps": partial(StepLR, step_size=2, gamma=0.5),
    "recursive": partial(CosineAnnealingLR, T_max=20),
    "closed": partial(LambdaLR, lr_lambda=lambda step: 1 / (1 + step)),
}


def trained(epochs: int, path: Path, checkpoint: Path | None = None, **arguments: Any) -> Any:
    """The optimizer's first group after a training, whose checkpoint is saved."""
    trainer = Trainer(
        max_epochs=epochs,
        accelerator="cpu",
        logger=False,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
    )
    trainer.fit(tiny_model(**arguments), TinyData(), ckpt_path=checkpoint)
    trainer.save_checkpoint(path)
    return trainer.optimizers[0].param_groups


def optimizer(**settings: Any) -> Any:
    return partial(torch.optim.SGD, **{"lr": 0.01, **settings})


@pytest.mark.parametrize("name", SCHEDULES)
def test_a_new_learning_rate_counts_and_keeps_its_place_on_the_schedule(
    name: str, tmp_path: Path
) -> None:
    schedule: type[LRScheduler] | None = SCHEDULES[name]
    common: dict[str, Any] = {"scheduler": schedule}
    first, last = tmp_path / "first.ckpt", tmp_path / "last.ckpt"
    trained(1, first, optimizer=optimizer(), **common)
    whole = trained(2, last, first, optimizer=optimizer(), **common)[0]["lr"]
    faster = trained(2, last, first, optimizer=optimizer(lr=0.03), **common)[0]["lr"]
    assert faster == pytest.approx(3 * whole)


def test_other_settings_count_but_not_in_groups_with_their_own(tmp_path: Path) -> None:
    path, common = tmp_path / "first.ckpt", {"balancer": Scalarized(partial(UW, shape=2))}
    trained(1, path, optimizer=optimizer(weight_decay=0.1), **common)
    changed = optimizer(weight_decay=0.2, momentum=0.9)
    model, weights = trained(2, tmp_path / "last.ckpt", path, optimizer=changed, **common)
    assert (model["weight_decay"], model["momentum"], model["lr"]) == (0.2, 0.9, 0.01)
    assert (weights["weight_decay"], weights["momentum"]) == (0, 0.9)
