"""Lightning's own callbacks that average weights, on a model from the command line's parser."""

from __future__ import annotations

from collections.abc import Callable
from copy import deepcopy
from functools import partial
from pathlib import Path

import pytest
import torch
from lightning.pytorch import Callback, Trainer
from lightning.pytorch.callbacks import (
    EMAWeightAveraging,
    ModelCheckpoint,
    StochasticWeightAveraging,
    WeightAveraging,
)

from multitask import MultiTask
from multitask.data import DataModule

pytestmark = pytest.mark.filterwarnings("ignore")


@pytest.fixture
def parsed_model(
    tiny_model: Callable[..., MultiTask], trainer: Callable[..., Trainer], tmp_path: Path
) -> MultiTask:
    """A model whose heads, optimizer and schedule are made by the command line's factories."""
    schedule = torch.optim.lr_scheduler.ConstantLR
    model = tiny_model(scheduler=schedule)
    fresh = trainer()
    fresh.strategy.connect(model)
    fresh.save_checkpoint(tmp_path / "model.ckpt")
    return MultiTask.load_from_checkpoint(tmp_path / "model.ckpt", weights_only=True)


@pytest.mark.parametrize(
    "make",
    [
        partial(EMAWeightAveraging, decay=0.5),
        WeightAveraging,
        partial(StochasticWeightAveraging, 0.1, 0.5),
    ],
    ids=["exponential", "equal", "stochastic"],
)
def test_weights_are_averaged(
    parsed_model: MultiTask,
    tiny_data: Callable[..., DataModule],
    trainer: Callable[..., Trainer],
    tmp_path: Path,
    make: Callable[[], Callback],
) -> None:
    plain, resumed = deepcopy(parsed_model), deepcopy(parsed_model)
    trainer(max_epochs=4).fit(plain, tiny_data())
    kept = ModelCheckpoint(tmp_path, "{epoch}", save_top_k=-1, save_on_train_epoch_end=True)
    found = trainer(max_epochs=4, callbacks=[make(), kept], enable_checkpointing=True)
    found.fit(parsed_model, tiny_data())
    assert found.callback_metrics["val/score"].isfinite()
    # The model is copied again, after a step without a backward pass.
    found.test(parsed_model, tiny_data(), verbose=False)
    assert found.callback_metrics["test/score"].isfinite()
    assert not same(plain, parsed_model)
    again = trainer(max_epochs=4, callbacks=[make()])
    again.fit(resumed, tiny_data(), ckpt_path=tmp_path / "epoch=2.ckpt", weights_only=True)
    assert same(resumed, parsed_model)


def same(one: MultiTask, other: MultiTask) -> bool:
    sides = zip(one.parameters(), other.parameters(), strict=True)
    return all(torch.equal(*each) for each in sides)


def test_a_copy_shares_no_weights(parsed_model: MultiTask) -> None:
    copy = deepcopy(parsed_model)
    sides = list(zip(copy.parameters(), parsed_model.parameters(), strict=True))
    assert all(torch.equal(one, other) and one is not other for one, other in sides)
    assert copy.balancer is not parsed_model.balancer
    assert copy.views.balancer is copy.balancer
