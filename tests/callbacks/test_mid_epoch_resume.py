"""A checkpoint from the middle of an epoch continues with the next batch and random number."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import pytest
import torch
from lightning.pytorch import Trainer, seed_everything
from lightning.pytorch.callbacks import ModelCheckpoint
from torchjd.scalarization import DWA, FAMO, UW

from multitask import MultiTask
from multitask.balancing import Balancer, FixedWeights, Scalarized
from multitask.callbacks import RandomState
from multitask.data import Digits
from multitask.encoders import ConvNet
from multitask.heads import MLPHead
from multitask.tasks import Classification, Regression

BALANCERS = {
    "fixed": FixedWeights,
    "UW": lambda: Scalarized(UW(2)),
    "DWA": lambda: Scalarized(DWA()),
    "FAMO": lambda: Scalarized(FAMO(2)),
}


def train(folder: Path, balancer: Balancer, resume_from: Path | None = None) -> MultiTask:
    seed_everything(0, verbose=False)
    # Dropout draws random numbers in every step.
    head = partial(MLPHead, dropout=0.5)
    tasks = {"digit": Classification(num_classes=10, head=head), "ink": Regression()}
    model = MultiTask(ConvNet(), tasks, balancer, partial(torch.optim.AdamW, lr=0.01))
    every = ModelCheckpoint(folder, filename="{step}", every_n_train_steps=13, save_top_k=-1)
    trainer = Trainer(
        accelerator="cpu",
        max_epochs=3,
        limit_val_batches=1,
        num_sanity_val_steps=0,
        logger=False,
        callbacks=[RandomState(), every],
        enable_progress_bar=False,
        enable_model_summary=False,
    )
    data = Digits(batch_size=100)
    trainer.fit(model, data, ckpt_path=resume_from, weights_only=True if resume_from else None)
    assert trainer.global_step == 30
    return model


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::UserWarning")
@pytest.mark.parametrize("name", BALANCERS)
def test_resumed_in_the_middle_of_an_epoch_equals_never_stopped(name: str, tmp_path: Path) -> None:
    whole = train(tmp_path / "whole", BALANCERS[name]())
    # Step 26 of 10 a epoch: the middle of the third epoch.
    resumed = train(tmp_path / "resumed", BALANCERS[name](), tmp_path / "whole/step=26.ckpt")
    expected, found = whole.state_dict(), resumed.state_dict()
    for key, values in expected.items():
        if isinstance(values, torch.Tensor):
            assert torch.equal(values, found[key]), key
