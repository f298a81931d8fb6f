"""Metrics under attack and on corrupted images: their values, their names, and no trace."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from lightning.pytorch import Trainer
from torchvision.transforms import v2

from multitask import MultiTask
from multitask.callbacks import BestCheckpoint, RobustEvaluation
from multitask.callbacks.changed_metrics import of_part, parts_of
from multitask.data import DataModule
from multitask.encoders import MLP
from multitask.errors import InputError
from multitask.robustness import Attack, PixelBounds
from multitask.robustness.corruptions import chosen_corruptions
from multitask.tasks import Classification, Regression
from multitask.training.data_check import check_data
from multitask.training.evaluation import Evaluation

Make = Callable[..., Any]
pytestmark = pytest.mark.filterwarnings("ignore")
NORMALIZE = v2.Normalize([0.4], [0.2])
ATTACK = Attack(0.05, steps=3)
NOISE: dict[str, list[float] | None] = {"gaussian_noise": [0.1, 0.2], "contrast": [0.5]}


@pytest.fixture
def ready(tiny_data: Make, tiny_model: Make) -> Callable[..., tuple[MultiTask, DataModule]]:
    """A model that has seen the targets of its data, and the data."""

    def make(**options: Any) -> tuple[MultiTask, DataModule]:
        model, data = tiny_model(), tiny_data(**{"transforms": [NORMALIZE], **options})
        data.setup()
        check_data(model.named_tasks, data, "train")
        return model, data

    return make


def after_test(
    trainer: Make, model: MultiTask, data: DataModule, *callbacks: Any
) -> dict[str, float]:
    (found,) = trainer(callbacks=list(callbacks)).test(model, data, verbose=False)
    return {name: value for name, value in found.items() if value == value}


def by_hand(
    model: MultiTask, data: DataModule, rows: torch.Tensor, change: Any
) -> dict[str, float]:
    batch = data.on_after_batch_transfer(data.splits["test"][rows], 0)
    model.eval()
    evaluation = Evaluation("test", model.named_tasks)
    with torch.no_grad():
        outputs = model(change(batch))
        evaluation.update(outputs, batch, model.task_losses(outputs, batch))
    return {name: float(value) for name, value in evaluation.compute().items()}


def test_values_are_those_of_attacked_and_corrupted_images(ready: Make, trainer: Make) -> None:
    model, data = ready()
    found = after_test(trainer, model, data, RobustEvaluation([ATTACK], NOISE, samples=8, seed=5))
    rows, bounds = torch.arange(8) * 3, PixelBounds.of([NORMALIZE])
    attacked = by_hand(model, data, rows, lambda b: ATTACK(model, b, b["index"], 5, bounds))
    clean = by_hand(model, data, rows, lambda batch: batch["image"])
    assert attacked["test/size/loss"] > clean["test/size/loss"]
    for name, value in attacked.items():
        if not name.startswith("trivial") and value == value:
            assert found[of_part(name, "robust/inf-0.05")] == pytest.approx(value, rel=1e-5)
    several = []
    for each in chosen_corruptions(NOISE):

        def corrupted(batch: Any, each: Any = each) -> Any:
            return bounds.images(each(bounds.pixels(batch["image"]), batch["index"], 5))

        several.append(by_hand(model, data, rows, corrupted))
        for name in ("test/kind/accuracy", "test/size/mae"):
            part = f"corrupted/{each.name}"
            assert found[of_part(name, part)] == pytest.approx(several[-1][name], rel=1e-5)
    # Each kind counts the same, whatever the number of its severities.
    mean = {n: ((several[0][n] + several[1][n]) / 2 + several[2][n]) / 2 for n in several[0]}
    assert found["test/corrupted/size/mae"] == pytest.approx(mean["test/size/mae"], rel=1e-5)
    assert found["test/corrupted/score"] == pytest.approx(mean["test/score"], rel=1e-4)
    assert parts_of(found) == ["robust/inf-0.05", "corrupted"]


def test_batches_do_not_matter_and_nothing_is_left_behind(ready: Make, trainer: Make) -> None:
    model, data = ready()
    plain = after_test(trainer, model, data)
    before = {
        name: each.clone() for name, each in model.state_dict().items() if hasattr(each, "clone")
    }
    state, was_training = torch.get_rng_state(), model.training
    one = after_test(trainer, model, data, RobustEvaluation([ATTACK], NOISE))
    assert torch.equal(torch.get_rng_state(), state)
    assert model.training == was_training
    assert all(each.grad is None for each in model.parameters())
    assert all(torch.equal(model.state_dict()[name], each) for name, each in before.items())
    assert plain.items() <= one.items()
    _, smaller = ready(batch_size=5)
    two = after_test(trainer, model, smaller, RobustEvaluation([ATTACK], NOISE))
    robust = {name: value for name, value in one.items() if name not in plain}
    assert robust == pytest.approx({name: two[name] for name in robust}, rel=1e-5, abs=1e-6)


def test_training_is_the_same_and_continues_the_same(
    ready: Make, trainer: Make, tmp_path: Path
) -> None:
    (plain, data), (watched, _), (cut, _) = ready(), ready(), ready()
    trainer(max_epochs=2).fit(plain, data)
    best = BestCheckpoint(tmp_path / "whole", "val/robust/inf-0.05/size/mae", False)
    whole = trainer(
        max_epochs=2, enable_checkpointing=True, callbacks=[RobustEvaluation([ATTACK]), best]
    )
    whole.fit(watched, data)
    assert all(map(torch.equal, plain.parameters(), watched.parameters()))
    metric = "val/robust/inf-0.05/size/mae"
    assert float(best.best_model_score) <= float(whole.callback_metrics[metric])
    first = trainer(max_epochs=1, callbacks=[RobustEvaluation([ATTACK])])
    first.fit(cut, data)
    first.save_checkpoint(tmp_path / "cut.ckpt")
    second = trainer(max_epochs=2, callbacks=[RobustEvaluation([ATTACK])])
    again, same = ready()
    second.fit(again, same, ckpt_path=tmp_path / "cut.ckpt", weights_only=True)
    for name, value in whole.callback_metrics.items():
        if "robust" in name:
            assert float(second.callback_metrics[name]) == float(value)


def test_not_in_each_epoch(ready: Make, trainer: Make) -> None:
    model, data = ready()
    seen: list[bool] = []

    class Seen(RobustEvaluation):
        def on_validation_epoch_end(self, trainer: Trainer, pl_module: Any) -> None:
            seen.append(bool(self._running))
            super().on_validation_epoch_end(trainer, pl_module)

    callback = Seen([ATTACK], every=2)
    trainer(max_epochs=3, num_sanity_val_steps=1, callbacks=[callback]).fit(model, data)
    assert seen == [False, False, True, False]


def test_a_task_without_labels_has_no_metric(ready: Make, trainer: Make) -> None:
    model, data = ready(changed={"test": {"kind": torch.full((24,), -100)}})
    found = after_test(trainer, model, data, RobustEvaluation([ATTACK], NOISE))
    assert not [name for name in found if "/kind/" in name]
    assert "test/robust/inf-0.05/size/mae" in found


class Numbers(MLP):
    """Takes another input than an image."""

    inputs = ("numbers",)


@pytest.mark.parametrize(
    ("attacks", "options", "words"),
    [
        ([Attack(0.1, tasks={"kidn": 1.0})], {}, "names the task 'kidn'; did you mean 'kind'"),
        ([ATTACK, Attack(0.05, steps=9)], {}, "two attacks are called 'inf-0.05'"),
        ([ATTACK], {"transforms": [v2.Grayscale()]}, "data.transforms has Grayscale"),
        ([ATTACK], {"images": torch.rand(24, 1, 4, 4) * 255, "transforms": []}, "numbers from"),
    ],
)
def test_what_cannot_be_attacked_is_refused(
    attacks: list[Attack], options: dict[str, Any], words: str, ready: Make, trainer: Make
) -> None:
    model, data = ready(**options)
    with pytest.raises(InputError, match=words):
        after_test(trainer, model, data, RobustEvaluation(attacks))


def test_a_model_without_images_or_with_a_task_of_that_name_is_refused(ready: Make) -> None:
    _, data = ready()
    blind = MultiTask(Numbers(4, [], 4), {"size": Regression()})
    with pytest.raises(InputError, match="changes images, but this model accepts numbers"):
        RobustEvaluation([ATTACK]).check(blind, data)
    named = MultiTask(MLP(16, [], 4), {"robust": Classification(3)})
    with pytest.raises(InputError, match="a task is called 'robust'"):
        RobustEvaluation([ATTACK]).check(named, data)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({}, "neither attacks nor corruptions"),
        ({"corruptions": True, "samples": 0}, "samples is 0"),
        ({"corruptions": True, "every": 0}, "every is 0"),
        ({"corruptions": {"bluur": None}}, "there is no 'bluur'"),
    ],
)
def test_settings_that_make_no_sense_are_refused(arguments: dict[str, Any], words: str) -> None:
    with pytest.raises(InputError, match=words):
        RobustEvaluation(**arguments)
