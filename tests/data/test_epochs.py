"""What the Trainer makes of the data: whole epochs, and every validation sample once."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from lightning.pytorch import Callback, Trainer

from multitask import MultiTask
from multitask.data import DataModule

Parts = tuple[Callable[..., DataModule], Callable[..., MultiTask], Callable[..., Trainer]]


class Seen(Callback):
    """Notes the samples of each epoch and of each validation."""

    def __init__(self) -> None:
        self.train: list[list[int]] = []
        self.val: list[list[int]] = []

    def on_train_epoch_start(self, *_: Any) -> None:
        self.train.append([])

    def on_validation_start(self, *_: Any) -> None:
        self.val.append([])

    def on_train_batch_end(self, *arguments: Any) -> None:
        self.train[-1] += arguments[3]["index"].tolist()

    def on_validation_batch_end(self, *arguments: Any) -> None:
        self.val[-1] += arguments[3]["index"].tolist()


@pytest.fixture
def fit(
    tiny_data: Callable[..., DataModule],
    tiny_model: Callable[..., MultiTask],
    trainer: Callable[..., Trainer],
) -> Callable[..., Seen]:
    def fit(**options: Any) -> Seen:
        seen = Seen()
        trainer(callbacks=[seen], **options).fit(tiny_model(), tiny_data())
        return seen

    return fit


@pytest.mark.filterwarnings("ignore")
def test_each_epoch_has_a_new_order_and_each_validation_every_sample_once(
    fit: Callable[..., Seen],
) -> None:
    seen = fit(max_epochs=3, num_sanity_val_steps=2)
    assert [sorted(epoch) for epoch in seen.train] == [list(range(24))] * 3
    assert len({str(epoch) for epoch in seen.train}) == 3
    # The sanity check is broken off after 2 batches of 8.
    assert seen.val == [list(range(16)), *[list(range(24))] * 3]


@pytest.mark.filterwarnings("ignore")
def test_limited_epochs_are_all_of_the_same_length(fit: Callable[..., Seen]) -> None:
    seen = fit(max_epochs=4, limit_train_batches=2, limit_val_batches=1)
    assert [len(epoch) for epoch in seen.train] == [16] * 4
    assert seen.val == [list(range(8))] * 4
