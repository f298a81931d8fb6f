"""Metrics of each source are those of the source alone."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import pytest
import torch
from lightning.pytorch import Callback, Trainer
from lightning.pytorch.callbacks import ModelCheckpoint

from multitask import MultiTask
from multitask.callbacks import SourceEvaluation
from multitask.callbacks.source_evaluation import of_source, sources_of
from multitask.data import DataModule, Mixture
from multitask.data.split_check import SPLITS
from multitask.errors import InputError
from multitask.runs.monitors import check_monitors
from multitask.training.data_check import check_data

Make = Callable[..., Any]


@pytest.fixture
def parts(tiny_data: Make) -> dict[str, Callable[[], DataModule]]:
    """A source with both tasks, and one without ``kind``."""
    without = {split: {"kind": None} for split in SPLITS}
    return {"both": partial(tiny_data, seed=1), "half": partial(tiny_data, without, seed=2)}


@pytest.fixture
def mixture(parts: dict[str, Callable[[], DataModule]]) -> Mixture:
    # Of 48 samples, no batch but one is of one source.
    return Mixture({name: make() for name, make in parts.items()}, batch_size=21, seed=0)


@pytest.fixture
def model(tiny_model: Make, mixture: Mixture) -> MultiTask:
    made: MultiTask = tiny_model()
    check_data(made.named_tasks, mixture, "train")
    return made


def test_metrics_of_a_source_are_those_of_the_source_alone(
    parts: dict[str, Make], mixture: Mixture, model: MultiTask, trainer: Make
) -> None:
    both = ("both", "val"), ("both", "test"), ("half", "val"), ("half", "test")
    evaluate = {"val": Trainer.validate, "test": Trainer.test}
    for source, split in both:
        with_sources = trainer(callbacks=[SourceEvaluation(["both", "half"])])
        (found,) = evaluate[split](with_sources, model, mixture, verbose=False)
        alone: dict[str, Any] = {"both": parts["both"](), "half": Only(parts["half"]())}
        (expected,) = evaluate[split](trainer(), model, alone[source], verbose=False)
        expected = {
            of_source(name, source): value
            for name, value in expected.items()
            if not name.startswith("trivial/")
        }
        own = {name: value for name, value in found.items() if f"/@{source}/" in name}
        assert own == pytest.approx(expected, rel=1e-6, abs=1e-6)
        has_kind = f"{split}/@{source}/kind/accuracy" in own
        assert has_kind == (source == "both")


class Only(DataModule):
    """A source beside which there is none; the task that it lacks is one without labels."""

    def __init__(self, source: DataModule) -> None:
        super().__init__(batch_size=8)
        self.source = Mixture({"half": source}, batch_size=8)

    def load(self) -> Any:
        self.source.setup()
        for split in self.source.splits.values():
            split.targets["kind"] = torch.full((len(split),), -100)
        return self.source.splits


def test_metrics_of_all_samples_stay_as_they_are(
    mixture: Mixture, model: MultiTask, trainer: Make
) -> None:
    (plain,) = trainer().validate(model, mixture, verbose=False)
    callback = SourceEvaluation(["both", "half"])
    (found,) = trainer(callbacks=[callback]).validate(model, mixture, verbose=False)
    assert {name: found[name] for name in plain} == plain
    assert sources_of(plain) == []
    assert sources_of(found) == ["both", "half"]


def test_a_source_that_no_batch_held_has_no_metrics_and_no_warning(
    mixture: Mixture, model: MultiTask, trainer: Make, recwarn: pytest.WarningsRecorder
) -> None:
    first = trainer(callbacks=[SourceEvaluation(["both", "half"])], limit_val_batches=1)
    (found,) = first.validate(model, mixture, verbose=False)
    assert not [name for name in found if "/@half/" in name]
    assert not [each for each in recwarn if "compute" in str(each.message)]


def test_a_sanity_check_counts_for_nothing(
    mixture: Mixture, model: MultiTask, trainer: Make
) -> None:
    class Seen(Callback):
        names: tuple[str, ...] = ()

        def on_sanity_check_end(self, trainer: Trainer, pl_module: Any) -> None:
            self.names = tuple(trainer.callback_metrics)

    callbacks = [SourceEvaluation(["both", "half"]), seen := Seen()]
    trained = trainer(callbacks=callbacks, num_sanity_val_steps=1)
    trained.fit(model, mixture)
    assert seen.names == ()
    (expected,) = trainer(callbacks=callbacks).validate(model, mixture, verbose=False)
    found = {name: float(trained.callback_metrics[name]) for name in expected}
    assert found == pytest.approx(expected)


def test_callbacks_may_watch_a_source(
    mixture: Mixture, model: MultiTask, trainer: Callable[..., Trainer]
) -> None:
    mixture.setup()
    watch = partial(ModelCheckpoint, mode="max")
    known = watch(monitor="val/@both/kind/accuracy")
    check_monitors([known], model, mixture, trainer(), None)
    unknown = watch(monitor="val/@both/kind/acuracy")
    with pytest.raises(InputError, match="did you mean 'val/@both/kind/accuracy'"):
        check_monitors([unknown], model, mixture, trainer(), None)
