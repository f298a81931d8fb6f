"""Batches whose loss is not a number: left out without a trace, as many as was asked."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import torch
from lightning.pytorch import Callback, Trainer
from torch import Tensor, nn
from torchjd.scalarization import FAMO

from multitask import InputError, MultiTask
from multitask.balancing import Balancer, GradNorm, Scalarized
from multitask.data import DataModule
from multitask.encoders import MLP
from multitask.runs.metrics_file import MetricsFile

TinyData = Callable[..., DataModule]
TinyModel = Callable[..., MultiTask]
MakeTrainer = Callable[..., Trainer]

pytestmark = pytest.mark.filterwarnings("ignore")


class Spoil(Callback):
    """Makes some batches' images NaN, and keeps everything before and after each batch."""

    def __init__(self, *bad: int) -> None:
        self.bad = bad
        self.states: list[dict[str, Tensor]] = []

    def on_train_batch_start(
        self, trainer: Trainer, model: Any, batch: Any, batch_idx: int
    ) -> None:
        if not self.states:
            self.states.append(everything(trainer, model))
        if len(self.states) - 1 in self.bad:
            batch["image"].fill_(float("nan"))

    def on_train_batch_end(self, trainer: Trainer, model: Any, *_: Any) -> None:
        self.states.append(everything(trainer, model))

    def changed(self) -> list[bool]:
        """By batch, whether anything is different after it."""
        pairs = zip(self.states, self.states[1:], strict=False)
        return [
            any(not torch.equal(one[k], other[k]) for k in other if k in one)
            for one, other in pairs
        ]


def everything(trainer: Trainer, model: MultiTask) -> dict[str, Tensor]:
    """Parameters, buffers, and the optimizer's memory."""
    (optimizer,) = trainer.optimizers
    state = model.state_dict().items()
    found = {f"model {name}": each.clone() for name, each in state if isinstance(each, Tensor)}
    for group in optimizer.param_groups:
        for place, parameter in enumerate(group["params"]):
            for name, value in optimizer.state[parameter].items():
                found[f"optimizer {place} {name}"] = torch.as_tensor(value).clone()
    return found


def model(tiny_model: TinyModel, skips: int, balancer: Balancer | None = None) -> MultiTask:
    encoder = MLP(16, hidden=[6], out_features=8)
    assert any(isinstance(each, nn.BatchNorm1d) for each in encoder.modules())
    optimizer = partial(torch.optim.AdamW, lr=0.01)
    return tiny_model(encoder=encoder, skips=skips, balancer=balancer, optimizer=optimizer)


@pytest.mark.parametrize("balancer", [None, GradNorm, lambda: Scalarized(FAMO(2))])
def test_bad_batches_leave_no_trace(
    balancer: type[Balancer] | None,
    tiny_data: TinyData,
    trainer: MakeTrainer,
    tiny_model: TinyModel,
) -> None:
    spoil = Spoil(1, 2, 4)
    trained = model(tiny_model, 3, balancer and balancer())
    trainer(max_epochs=2, callbacks=[spoil]).fit(trained, tiny_data())
    assert spoil.changed() == [True, False, False, True, False, True]
    assert all(values.isfinite().all() for values in spoil.states[-1].values())
    assert trained.skipped.count == 3


def test_one_more_than_was_asked_stops_training(
    tiny_data: TinyData, trainer: MakeTrainer, tiny_model: TinyModel
) -> None:
    run = trainer(max_epochs=2, callbacks=[Spoil(0, 3)])
    with pytest.raises(InputError, match="became NaN or infinite"):
        run.fit(model(tiny_model, 1), tiny_data())


def test_a_bad_part_of_an_accumulated_step_leaves_the_others(
    tiny_data: TinyData, trainer: MakeTrainer, tiny_model: TinyModel
) -> None:
    spoil = Spoil(1)
    run = trainer(accumulate_grad_batches=3, callbacks=[spoil])
    run.fit(model(tiny_model, 1), tiny_data())
    assert any(
        not torch.equal(spoil.states[0][name], spoil.states[-1][name])
        for name in spoil.states[0]
        if name.startswith("model heads")
    )
    assert all(values.isfinite().all() for values in spoil.states[-1].values())


def test_what_was_left_out_is_logged_and_counted_on_after_a_resume(
    tiny_data: TinyData, trainer: MakeTrainer, tiny_model: TinyModel, tmp_path: Path
) -> None:
    logger = MetricsFile(tmp_path / "metrics.csv")
    run = trainer(callbacks=[Spoil(1)], logger=logger)
    run.fit(model(tiny_model, 2), tiny_data())
    run.save_checkpoint(tmp_path / "last.ckpt")
    assert "1,0,train/skipped_batches,1.0" in (tmp_path / "metrics.csv").read_text()
    again = model(tiny_model, 2)
    run = trainer(max_epochs=2, callbacks=[Spoil(0)], logger=logger)
    run.fit(again, tiny_data(), ckpt_path=tmp_path / "last.ckpt", weights_only=True)
    assert again.skipped.count == 2


def test_a_negative_number_is_refused(tiny_model: TinyModel) -> None:
    with pytest.raises(InputError, match="skips is -1; give the number of batches"):
        tiny_model(skips=-1)
