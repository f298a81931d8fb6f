"""An average of weights is validated, tested and kept, and training does not notice."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import torch
from conformance.training import SmallEncoder, largest_difference, small_model, train, weights
from lightning.pytorch import Callback, LightningModule, Trainer, seed_everything
from lightning.pytorch.callbacks import ModelCheckpoint
from tiny_training import TinyData, tiny_model
from torch import Tensor
from torch.optim.swa_utils import AveragedModel, get_ema_avg_fn

from multitask import MultiTask
from multitask.balancing import FixedWeights, GradNorm
from multitask.callbacks import RandomState, WeightAverage
from multitask.errors import InputError

pytestmark = pytest.mark.filterwarnings("ignore")
MakeTrainer = Callable[..., Trainer]


class Watch(Callback):
    """Keeps the weights that others see, and averages them as torch does.

    Args:
        oracle: makes torch's average of a model.
    """

    def __init__(self, oracle: Callable[[LightningModule], AveragedModel] | None = None) -> None:
        self.make, self.oracle = oracle, None
        self.trained: list[dict[str, Tensor]] = []
        self.seen: dict[str, dict[str, Tensor]] = {}

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        self.oracle = self.make(pl_module.encoder) if self.make else None

    def on_train_batch_start(self, trainer: Trainer, pl_module: Any, *_: Any) -> None:
        self.seen["training"] = weights(pl_module)
        if self.trained:
            assert largest_difference(self.trained[-1], weights(pl_module)) == 0

    def on_train_batch_end(self, trainer: Trainer, pl_module: Any, *_: Any) -> None:
        self.trained.append(weights(pl_module))
        if self.oracle is not None:
            self.oracle.update_parameters(pl_module.encoder)

    def on_validation_start(self, trainer: Trainer, pl_module: Any) -> None:
        self.seen["before"] = weights(pl_module)

    def on_validation_end(self, trainer: Trainer, pl_module: Any) -> None:
        self.seen["after"] = weights(pl_module)

    def on_train_epoch_end(self, trainer: Trainer, pl_module: Any) -> None:
        assert largest_difference(self.trained[-1], weights(pl_module)) == 0


def expected(points: list[dict[str, Tensor]], average: WeightAverage) -> dict[str, Tensor]:
    """The average by hand, from the weights after each step."""
    kept: dict[str, Tensor] = {}
    updates = 0
    for step, point in enumerate(points, start=1):
        if step <= average.start or (step - average.start - 1) % average.every:
            continue
        decay = average.decay
        if decay is None:
            decay = updates / (updates + 1)
        elif average.warm_up:
            decay = min(decay, (1 + updates) / (10 + updates))
        kept = {
            name: each if not updates else decay * kept[name] + (1 - decay) * each
            for name, each in point.items()
        }
        updates += 1
    return kept


@pytest.mark.parametrize(
    "average",
    [
        WeightAverage(),
        WeightAverage(decay=0.5, warm_up=False),
        WeightAverage(decay=None),
        WeightAverage(decay=None, start=2, every=2),
        WeightAverage(decay=0, start=3),
    ],
    ids=lambda each: f"{each.decay}-{each.start}-{each.every}-{each.warm_up}",
)
def test_is_the_average_of_the_weights_after_each_step(average: WeightAverage) -> None:
    plain, model, watch = small_model(FixedWeights()), small_model(FixedWeights()), Watch()
    train(plain)
    # Whoever stands before it sees the same.
    train(model, callbacks=[watch, average], limit_val_batches=1.0, num_sanity_val_steps=1)
    assert largest_difference(watch.trained[-1], weights(plain)) == 0
    by_hand = expected(watch.trained, average)
    for seen in (watch.seen["before"], watch.seen["after"], weights(model)):
        assert largest_difference(seen, by_hand) < 1e-14
    assert largest_difference(watch.seen["training"], watch.trained[-2]) == 0


@pytest.mark.parametrize("decay", [0.6, None])
def test_equals_torchs_average(decay: float | None) -> None:
    kind = {} if decay is None else {"avg_fn": get_ema_avg_fn(decay)}
    watch = Watch(partial(AveragedModel, **kind))
    model = small_model(FixedWeights())
    train(model, callbacks=[WeightAverage(decay, warm_up=False), watch])
    assert watch.oracle is not None
    theirs = dict(watch.oracle.module.named_parameters())
    assert len(theirs) == 6
    for name, each in model.encoder.named_parameters():
        torch.testing.assert_close(each.detach(), theirs[name].detach(), rtol=0, atol=1e-14)


def test_counts_steps_not_batches(trainer: MakeTrainer) -> None:
    average = WeightAverage(start=1)
    made = trainer(max_epochs=3, callbacks=[average], accumulate_grad_batches=2)
    made.fit(tiny_model(), TinyData())
    # An epoch has three batches: two steps.
    assert average.state_dict()["steps"] == made.global_step == 6
    assert average.state_dict()["updates"] == 5


def test_skipped_steps_do_not_count(trainer: MakeTrainer) -> None:
    class Spoil(Callback):
        def on_train_batch_start(self, trainer: Trainer, model: Any, batch: Any, *_: Any) -> None:
            if trainer.global_step == 1:
                batch["image"].fill_(torch.nan)

    average = WeightAverage(decay=None)
    made = trainer(callbacks=[average, Spoil()])
    made.fit(tiny_model(skips=1), TinyData())
    assert made.global_step == 3
    assert average.state_dict()["updates"] == 2


def fitted(folder: Path, resume: Path | None = None, average: bool = True) -> dict[str, Any]:
    """Train for three epochs of three batches; returns the last checkpoint's content."""
    seed_everything(0, verbose=False)
    every = ModelCheckpoint(folder, "{step}", every_n_train_steps=1, save_top_k=-1)
    callbacks = [RandomState(), every] + [WeightAverage(0.7, refresh=2)] * average
    made = Trainer(
        accelerator="cpu",
        max_epochs=3,
        logger=False,
        callbacks=callbacks,
        enable_progress_bar=False,
        enable_model_summary=False,
        num_sanity_val_steps=0,
        val_check_interval=2,
    )
    made.fit(tiny_model(encoder=SmallEncoder()), TinyData(), ckpt_path=resume, weights_only=True)
    return torch.load(folder / "step=9.ckpt", weights_only=True)


def assert_same(found: Any, wanted: Any) -> None:
    for name in ("state_dict", "trained_weights", "optimizer_states"):
        torch.testing.assert_close(found[name], wanted[name], rtol=0, atol=0)
    key = "WeightAverage"
    torch.testing.assert_close(found["callbacks"][key], wanted["callbacks"][key], rtol=0, atol=0)


def test_resumed_anywhere_equals_never_stopped(tmp_path: Path) -> None:
    whole = fitted(tmp_path / "whole")
    for step in (2, 4, 6):
        assert_same(fitted(tmp_path / f"{step}", tmp_path / f"whole/step={step}.ckpt"), whole)
    # Without the callback a run continues with its own weights all the same.
    alone = fitted(tmp_path / "alone", tmp_path / "whole/step=4.ckpt", average=False)
    for name, each in whole["trained_weights"].items():
        assert torch.equal(alone["state_dict"][name], each), name
    # The model of a checkpoint is the average, and can be loaded as any other.
    model = MultiTask.load_from_checkpoint(tmp_path / "whole/step=9.ckpt", trust=True)
    kept = whole["callbacks"]["WeightAverage"]["average"]
    assert torch.equal(model.encoder.last.weight, kept["encoder.last.weight"])
    assert not torch.equal(
        kept["encoder.last.weight"], whole["trained_weights"]["encoder.last.weight"]
    )


@pytest.mark.parametrize("validation", [1.0, 0])
def test_statistics_are_of_the_average(trainer: MakeTrainer, validation: float) -> None:
    model, data = tiny_model(encoder=SmallEncoder()), TinyData()
    # It is on in training, and off where the statistics are used.
    model.encoder.first[0] = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Dropout())
    seen: list[Tensor] = []

    class See(Callback):
        def on_validation_start(self, trainer: Trainer, model: Any) -> None:
            seen.append(model.encoder.first[2].running_mean.clone())

    average = WeightAverage(decay=0.9, warm_up=False)
    made = trainer(max_epochs=2, callbacks=[See(), average], limit_val_batches=validation)
    made.fit(model, data)
    layer = model.encoder.first[2]
    assert layer.training
    model.eval()
    with torch.no_grad():
        # Each of the 24 images is once in the three batches of an epoch.
        values = model.encoder.first[:2](data.splits["train"].inputs(torch.arange(24))["image"])
    torch.testing.assert_close(layer.running_mean, values.mean(0))
    assert len(seen) == 2 * bool(validation)
    assert not seen or torch.equal(seen[-1], layer.running_mean)
    assert int(layer.num_batches_tracked) == 6
    assert layer.momentum == 0.1


def test_frozen_statistics_stay(trainer: MakeTrainer) -> None:
    class Freeze(Callback):
        def on_train_epoch_start(self, trainer: Trainer, model: Any) -> None:
            model.encoder.first[2].eval()

    model = tiny_model(encoder=SmallEncoder())
    trainer(callbacks=[Freeze(), WeightAverage()]).fit(model, TinyData())
    assert torch.equal(model.encoder.first[2].running_mean, torch.zeros(8))


def test_an_interrupted_training_leaves_its_own_weights(trainer: MakeTrainer) -> None:
    class Fail(Callback):
        def on_validation_end(self, trainer: Trainer, pl_module: Any) -> None:
            raise ValueError("mine")

    watch, model = Watch(), tiny_model()
    with pytest.raises(ValueError, match="mine"):
        trainer(callbacks=[WeightAverage(), watch, Fail()]).fit(model, TinyData())
    assert largest_difference(watch.trained[-1], weights(model)) == 0


def test_what_is_no_weight_is_not_averaged(trainer: MakeTrainer) -> None:
    model = tiny_model(balancer=GradNorm(2))
    model.encoder.register_buffer("mask", torch.tensor([0.0, -torch.inf]))
    average = WeightAverage()
    trainer(callbacks=[average]).fit(model, TinyData())
    names = average.state_dict()["average"]
    assert "encoder.mask" not in names
    assert not any(name.startswith(("balancer.", "evaluations.")) for name in names)
    assert model.encoder.mask.tolist() == [0, -torch.inf]


def test_weights_of_few_bits_are_averaged_in_many(trainer: MakeTrainer) -> None:
    average = WeightAverage(decay=0.999, warm_up=False)
    made = trainer(max_epochs=2, callbacks=[average], precision="bf16-true")
    made.fit(tiny_model(optimizer=partial(torch.optim.SGD, lr=0.5)), TinyData())
    kept = average.state_dict()["average"]
    assert {each.dtype for each in kept.values()} == {torch.float32}
    # Rounded to bfloat16, a thousandth of a step would be lost.
    assert any((each != each.bfloat16()).any() for each in kept.values())


def test_shared_parameters_have_one_average(trainer: MakeTrainer, tmp_path: Path) -> None:
    model = tiny_model()
    model.encoder.again = model.encoder.get_submodule("layers")
    made = trainer(callbacks=[WeightAverage()])
    made.fit(model, TinyData())
    made.save_checkpoint(tmp_path / "a.ckpt")
    state = torch.load(tmp_path / "a.ckpt", weights_only=True)
    for kind in ("state_dict", "trained_weights"):
        found = state[kind]
        twins = [name for name in found if name.startswith("encoder.again.")]
        assert twins
        for name in twins:
            assert torch.equal(found[name], found[name.replace("again", "layers")])


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        ({"decay": 1.2}, "decay is 1.2; it must be at least 0 and below 1"),
        ({"decay": 1.0}, "decay is 1.0; it must be at least 0 and below 1"),
        ({"decay": -0.1}, "decay is -0.1"),
        ({"decay": float("nan")}, "decay is nan"),
        ({"start": -1}, "start is -1; it must be a whole number of at least 0"),
        ({"every": 0}, "every is 0; it must be a whole number of at least 1"),
        ({"refresh": -5}, "refresh is -5; it must be a whole number of at least 0"),
    ],
)
def test_refuses_numbers_that_cannot_be(settings: dict[str, Any], sentence: str) -> None:
    with pytest.raises(InputError, match=sentence):
        WeightAverage(**settings)


def test_refuses_to_begin_after_the_end(trainer: MakeTrainer) -> None:
    with pytest.raises(InputError, match="start is 6, but training has 6 steps"):
        trainer(max_epochs=2, callbacks=[WeightAverage(start=6)]).fit(tiny_model(), TinyData())


def test_refuses_the_average_of_another_model(trainer: MakeTrainer, tmp_path: Path) -> None:
    model = tiny_model()
    made = trainer(callbacks=[WeightAverage()])
    made.fit(model, TinyData())
    made.save_checkpoint(tmp_path / "a.ckpt")
    content = torch.load(tmp_path / "a.ckpt", weights_only=True)
    content["callbacks"]["WeightAverage"]["average"]["encoder.layers.1.weight"] = torch.zeros(2)
    torch.save(content, tmp_path / "b.ckpt")
    again = trainer(max_epochs=2, callbacks=[WeightAverage()])
    with pytest.raises(
        InputError, match=r"averaged weights do not fit .* 'encoder.layers.1.weight'"
    ):
        again.fit(tiny_model(), TinyData(), ckpt_path=tmp_path / "b.ckpt", weights_only=True)
