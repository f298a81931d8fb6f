"""Two processes that deal different episodes learn what one learns from all of them."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any

import pytest
import torch
from distributed.forked_processes import assert_two_equal_one
from lightning.pytorch import Trainer
from tiny_episodes import episode_model, tiny_episodes
from torch import Tensor

from multitask.callbacks import FewShotEvaluation
from multitask.few_shot import Prototypes
from multitask.passes import FOMAML, Pass, Reptile

PASSES: dict[str, Any] = {
    "FOMAML": partial(FOMAML, 2),
    "no step": partial(FOMAML, 0),
    "Reptile": partial(Reptile, 2),
}


def learn(processes: int) -> dict[str, dict[str, Tensor]]:
    """What each pass has learned and measured, buffers included."""
    learned = {}
    for name, made in PASSES.items():
        model, found = trained(made(), processes)
        kept = [*model.named_parameters(), *model.named_buffers()]
        learned[name] = {name: each.detach().double().clone() for name, each in kept}
        learned[name] |= {key: torch.tensor(value).double() for key, value in found.items()}
    return learned


def trained(made: Pass, processes: int) -> Any:
    """Train on three episodes at a time, which two processes cannot share evenly, and test."""
    callback = FewShotEvaluation([Prototypes()], (1,), episodes=3, queries=2)
    trainer = Trainer(
        accelerator="cpu",
        devices=processes,
        strategy="ddp" if processes > 1 else "auto",
        max_epochs=1,
        precision="64-true",
        logger=False,
        callbacks=[callback],
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
    )
    data = tiny_episodes(episodes=6, episodes_per_batch=3)
    model = episode_model(both=True, training_pass=made)
    trainer.fit(model, data)
    found = trainer.test(model, data, verbose=False)[0]
    return model, {name: each for name, each in found.items() if name.startswith("test/")}


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
def test_two_processes_equal_one(tmp_path: Path) -> None:
    assert_two_equal_one(learn, tmp_path, 1e-6)
