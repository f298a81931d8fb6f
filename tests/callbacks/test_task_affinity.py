"""Looking one step ahead says what the step would do, and changes nothing."""

from __future__ import annotations

from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest
import torch
from conformance.training import largest_difference, small_model, train, weights
from lightning.pytorch import Callback, LightningModule, Trainer
from lightning.pytorch.callbacks import ModelCheckpoint
from torch import Tensor

from multitask import MultiTask
from multitask.balancing import FixedWeights
from multitask.callbacks import TaskAffinity
from multitask.errors import InputError
from multitask.runs.metrics_file import MetricsFile

RATE = 0.05


class ByHand(Callback):
    """Takes each step on a copy of the model, and measures every loss before and after."""

    def __init__(self) -> None:
        self.found: list[Tensor] = []

    def on_train_batch_start(
        self, trainer: Trainer, pl_module: LightningModule, batch: Any, batch_idx: int
    ) -> None:
        assert isinstance(pl_module, MultiTask)
        rows = []
        for place in range(3):
            model = deepcopy(pl_module)
            before, totals = model.losses(model(batch["image"]), batch)
            labelled = totals[1] > 0
            if bool(labelled[place]):
                optimizer = torch.optim.SGD(model.encoder.parameters(), lr=RATE)
                before[place].backward()
                optimizer.step()
                model = deepcopy(model)
            after, _ = model.losses(model(batch["image"]), batch)
            row = torch.where(labelled & labelled[place], 1 - after / before, torch.nan)
            rows.append(row.detach())
        self.found.append(torch.stack(rows))


def rows_of(path: Path) -> dict[str, list[float]]:
    values: dict[str, list[float]] = {}
    for line in path.read_text().splitlines()[1:]:
        _, _, name, value = line.split(",")
        values.setdefault(name, []).append(float(value))
    return values


def test_says_what_a_step_for_one_task_does_to_another(tmp_path: Path) -> None:
    truth, callback = ByHand(), TaskAffinity(every=1, learning_rate=RATE)
    logger = MetricsFile(tmp_path / "m.csv")
    train(small_model(FixedWeights()), callbacks=[truth, callback], logger=logger)
    logged = rows_of(tmp_path / "m.csv")
    expected = torch.stack(truth.found)[:, 0, 2]
    means = expected.cumsum(0) / torch.arange(1, len(expected) + 1)
    assert logged["affinity/kind/place"] == pytest.approx(means.tolist(), rel=1e-9)
    # Task `size` has labels in one of three batches only.
    known = torch.stack(truth.found)[:, 2, 1]
    assert logged["affinity/place/size"][-1] == pytest.approx(float(known.nanmean()), rel=1e-9)
    assert "affinity/kind/kind" not in logged


def test_changes_nothing() -> None:
    plain, watched = small_model(FixedWeights()), small_model(FixedWeights())
    train(plain)
    train(watched, callbacks=[TaskAffinity(every=2)])
    assert largest_difference(weights(plain), weights(watched)) == 0
    for name, value in plain.named_buffers():
        assert torch.equal(value, watched.get_buffer(name)), name


def test_resumed_looks_equal_those_of_a_run_that_never_stopped(tmp_path: Path) -> None:
    whole, resumed = TaskAffinity(every=2), TaskAffinity(every=2)
    middle = ModelCheckpoint(tmp_path, filename="middle", every_n_train_steps=3, save_top_k=-1)
    train(small_model(FixedWeights()), 7, callbacks=[whole, middle], enable_checkpointing=True)
    train(small_model(FixedWeights()), 7, tmp_path / "middle.ckpt", callbacks=[resumed])
    assert torch.equal(whole.state_dict()["sums"], resumed.state_dict()["sums"])
    assert torch.equal(whole.state_dict()["looks"], resumed.state_dict()["looks"])


def test_refuses_to_look_never() -> None:
    with pytest.raises(InputError, match="every is 0"):
        TaskAffinity(every=0)
