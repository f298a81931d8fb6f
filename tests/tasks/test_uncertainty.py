"""How uncertain predictions are: by which formula, in which columns, and as a checkpoint tells."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from after.made_models import CALIBRATION, calibrated, checkpoint, number, pixels, two_tasks
from lightning.pytorch import Trainer
from scipy.stats import entropy
from torch import Tensor
from torch.testing import assert_close

import multitask
from multitask import MultiTask
from multitask.errors import InputError
from multitask.tasks import Classification, DenseRegression, Regression, Segmentation, Task
from multitask.tasks.predictions import predicted, task_columns

NAN = float("nan")


def test_entropy_is_scipys_and_never_nan() -> None:
    output = torch.randn(5, 4) * 3
    output[0] = torch.tensor([200.0, 0, 0, 0])
    output[1, 1:] = -torch.inf
    (found,) = Classification(4).uncertainty(output).values()
    assert_close(found, torch.from_numpy(entropy(output.softmax(1).numpy(), axis=1)))
    assert found[0] == found[1] == 0


def test_entropy_of_a_map_is_the_mean_over_its_pixels() -> None:
    output = torch.zeros(2, 3, 4, 5)
    output[1, 0] = 100
    found = Segmentation(3).uncertainty(output)["entropy"]
    assert_close(found, torch.tensor([3.0, 1.0]).log())


class Labels(Classification):
    """Several labels at once, whose probabilities have no entropy of one class."""

    def predict(self, output: Tensor) -> Tensor:
        return output.sigmoid()


def test_nothing_is_said_of_numbers_that_are_not_probabilities_of_one_class() -> None:
    output = torch.randn(2, 3)
    for task in (Labels(3), Regression(3)):
        assert list(predicted({"a": task}, {"a": output})) == ["a"]
    assert DenseRegression().uncertainty(torch.randn(2, 1, 4, 4)) == {}


def test_a_calibration_divides_logits_and_gives_an_interval() -> None:
    tasks = two_tasks()
    for name, told in CALIBRATION.items():
        tasks[name].take_calibration(told)
    output = {"kind": torch.randn(4, 3), "size": torch.randn(4, 1)}
    found = predicted(tasks, output)
    assert list(found) == ["kind", "kind.entropy", *(f"size{each}" for each in SIZE)]
    assert_close(found["kind"], (output["kind"] / 0.5).softmax(1))
    assert_close(found["kind.entropy"], torch.from_numpy(entropy(found["kind"].numpy(), axis=1)))
    assert_close(found["size.low"], found["size"] - 3)
    assert_close(found["size.high"], found["size"] + 3)
    assert_close(found["size.deviation"], torch.full((4, 1), 2.0))
    # Of the predictor that sees no image nothing changes.
    kind = tasks["kind"]
    assert_close(kind.predict(kind.trivial_output(output["kind"])), torch.full((4, 3), 1 / 3))
    for task in tasks.values():
        task.take_calibration(None)
    assert list(predicted(tasks, output)) == ["kind", "kind.entropy", "size"]
    assert_close(predicted(tasks, output)["kind"], output["kind"].softmax(1))


SIZE = ("", ".deviation", ".low", ".high")


def test_far_off_numbers_keep_their_digits() -> None:
    task = number(-3e4, 0.001, dtype=torch.float64)
    task.take_calibration({"spread": [1e-4], "quantile": [2e-4], "level": 0.5})
    found = predicted({"far": task}, {"far": torch.zeros(1, 1)})
    assert_close(found["far.high"] - found["far.low"], torch.full((1, 1), 4e-4).double())


def test_columns_of_a_vector_are_called_by_its_elements() -> None:
    task = Regression(2)
    task.take_calibration({"spread": [1, 2], "quantile": [3.0, 4.0], "level": 0.9})
    task.elements = ["x", "y"]
    entries = predicted({"pos": task}, {"pos": torch.zeros(3, 2)})
    columns = task_columns("pos", task, entries)
    kinds = ("deviation", "low", "high")
    assert list(columns) == ["pos.x", "pos.y", *(f"pos.{k}.{e}" for k in kinds for e in "xy")]
    assert_close(columns["pos.low.y"], torch.full((3,), -4.0))


def test_no_column_hides_an_element_that_is_called_like_it() -> None:
    task = Regression(2)
    task.take_calibration({"spread": [1.0, 1.0], "quantile": [1.0, 1.0], "level": 0.9})
    task.elements = ["x", "low.x"]
    columns = task_columns("pos", task, predicted({"pos": task}, {"pos": torch.zeros(1, 2)}))
    assert len(columns) == 8
    assert_close(columns["pos.low.x"], torch.zeros(1))
    assert_close(columns["pos.uncertainty.low.x"], torch.tensor([-1.0]))


@pytest.mark.parametrize(
    ("task", "told", "reason"),
    [
        (Classification(3), {"temperature": 0.0}, "temperature 0.0; it must be a number from"),
        (Classification(3), {"temperature": NAN}, "temperature nan"),
        (Classification(3), {"temperature": [1.0]}, "temperature [1.0]"),
        (Classification(3), {"temperature": 10**400}, "temperature 1000"),
        (Classification(3), {"spread": [1.0]}, "temperature None"),
        (Regression(), {"spread": [1.0], "quantile": [1.0]}, "level None"),
        (Regression(), {"spread": [1.0], "quantile": [1.0], "level": 1.5}, "level 1.5"),
        (Regression(), {"spread": [-1.0], "quantile": [1.0], "level": 0.9}, "0 or more"),
        (Regression(), {"spread": [1.0], "quantile": [NAN], "level": 0.9}, "finite number"),
        (Regression(), {"spread": [1e99], "quantile": [1.0], "level": 0.9}, "too large"),
        (Regression(2), {"spread": [1.0], "quantile": [1.0, 2.0], "level": 0.9}, "has 1 of them"),
        (Regression(), {"spread": 1.0, "quantile": [1.0], "level": 0.9}, "(1 in total)"),
        (DenseRegression(), {"spread": [1.0]}, "a DenseRegression does not support calibration"),
        (Segmentation(3), "sharp", "temperature None"),
    ],
)
def test_what_is_not_a_calibration_is_refused(task: Task, told: Any, reason: str) -> None:
    with pytest.raises(InputError) as error:
        task.take_calibration(told)
    assert reason in str(error.value)


def test_a_checkpoint_brings_its_calibration_to_every_way_to_load_it(tmp_path: Path) -> None:
    made = calibrated()
    path = checkpoint(tmp_path / "calibrated.ckpt", made.model, tasks=made.description["tasks"])
    right = made(pixels(3))
    loaded = multitask.load(path, device="cpu")
    assert loaded.model.state_dict().keys() == made.model.state_dict().keys()
    for found in (loaded(pixels(3)), plain(path).predict(pixels(3) / 255)):
        assert list(found) == list(right)
        for name, each in right.items():
            assert_close(found[name], each)


def plain(path: Path) -> MultiTask:
    return MultiTask.load_from_checkpoint(path).eval()


def test_further_training_forgets_it(tmp_path: Path, tiny_data: Any, trainer: Any) -> None:
    made = calibrated()
    path = checkpoint(tmp_path / "calibrated.ckpt", made.model, tasks=made.description["tasks"])
    model, data = plain(path), tiny_data(images=torch.rand(24, 1, 12, 10))
    fitted: Trainer = trainer(max_steps=1)
    fitted.fit(model, data)
    assert model.named_tasks["kind"].temperature == 1  # type: ignore[attr-defined]
    assert "calibration" not in model.description["tasks"]["kind"]  # type: ignore[index]
    assert list(model.predict(pixels(1) / 255)) == ["kind", "kind.entropy", "size"]


@pytest.mark.parametrize(
    "told", [{"temperature": -1}, {"temperature": NAN}, {"temperature": {"a": 1}}, 7, [0.5]]
)
def test_a_strangers_calibration_is_checked(told: Any, tmp_path: Path) -> None:
    made = calibrated()
    tasks = made.description["tasks"] | {"kind": {"calibration": told}}
    path = checkpoint(tmp_path / "odd.ckpt", made.model, tasks=tasks)
    with pytest.raises(InputError) as error:
        multitask.load(path, device="cpu")
    assert str(path) in str(error.value)
    assert "'kind'" in str(error.value)
