"""Lightning's callbacks in a run: whose place they take, and what is said when they fail."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from lightning.pytorch import Callback, Trainer
from lightning.pytorch.callbacks import (
    EMAWeightAveraging,
    LambdaCallback,
    LearningRateMonitor,
    ModelSummary,
    RichProgressBar,
    StochasticWeightAveraging,
    TQDMProgressBar,
)
from tiny_training import TinyData, tiny_model

from multitask.callbacks import WeightAverage
from multitask.errors import InputError
from multitask.runs.failures import explained
from multitask.runs.lightning_callbacks import check_callbacks, has_bar, has_summary
from multitask.training.sharding import Sharded

pytestmark = pytest.mark.filterwarnings("ignore")


def failure(trainer: Callable[..., Trainer], callback: Callback) -> str | None:
    try:
        trainer(callbacks=[callback]).fit(tiny_model(), TinyData())
    except Exception as error:
        sentence = explained(error, Path("runs/a"), 8)
        return sentence and str(sentence)
    raise AssertionError("it did not fail")


@pytest.mark.parametrize(
    "callback",
    [
        # There is no logger, and there are fewer groups of parameters.
        LearningRateMonitor(),
        StochasticWeightAveraging([0.1, 0.2, 0.3], swa_epoch_start=0.0),
    ],
    ids=type,
)
def test_what_lightnings_callback_fails_at_is_one_sentence(
    callback: Callback, trainer: Callable[..., Trainer]
) -> None:
    said = failure(trainer, callback)
    assert said is not None
    assert said.startswith(f"the callback {type(callback).__name__} cannot work here (")
    assert "\n" not in said


class Own(Callback):
    """Fails."""

    def on_train_start(self, *_: Any) -> None:
        raise ValueError("mine")


def test_traceback_of_ones_own_code_is_kept(trainer: Callable[..., Trainer]) -> None:
    def mine(*_: Any) -> None:
        raise ValueError("mine")

    assert failure(trainer, Own()) is None
    assert failure(trainer, LambdaCallback(on_train_start=mine)) is None


def test_a_persons_bar_and_summary_are_seen() -> None:
    assert has_bar(RichProgressBar())
    assert has_bar([ModelSummary(), TQDMProgressBar()])
    assert not has_bar([ModelSummary()])
    assert not has_bar(None)
    assert has_summary([TQDMProgressBar(), ModelSummary()])
    assert not has_summary(None)


@pytest.mark.parametrize(
    ("callbacks", "settings", "sentence"),
    [
        ([WeightAverage(start=3)], {}, "start is 3, but training has 3 steps"),
        (
            [WeightAverage(), EMAWeightAveraging()],
            {},
            "WeightAverage and EMAWeightAveraging both average weights; use only one",
        ),
        (
            [EMAWeightAveraging()],
            {"strategy": Sharded()},
            "EMAWeightAveraging averages whole parameters; use the ddp strategy",
        ),
    ],
)
def test_averages_that_cannot_be_are_refused_before_training(
    callbacks: list[Callback],
    settings: dict[str, Any],
    sentence: str,
    trainer: Callable[..., Trainer],
) -> None:
    with pytest.raises(InputError, match=sentence):
        check_callbacks(callbacks, TinyData(), trainer(**settings))
