"""Calibrating models of any kind of task on samples with few labels, or none."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from after.made_models import TrainedModel, described
from torch import Tensor

from multitask import MultiTask
from multitask.after.calibrating.calibration import Calibration, calibrate
from multitask.after.calibrating.words import sentences
from multitask.after.labelled_samples import samples_of
from multitask.encoders import MLP
from multitask.errors import InputError
from multitask.tasks import Classification, GaussianRegression, Regression

NAN = float("nan")
TinyData = Callable[..., Any]
KIND = torch.arange(24) % 3


def model_of(**tasks: Any) -> TrainedModel:
    torch.manual_seed(0)
    made = MultiTask(MLP(16, hidden=[], out_features=8), tasks)
    return TrainedModel(made, described(tasks, (1, 4, 4)), device="cpu", source="made.ckpt")


def calibrated(
    tiny_data: TinyData, trained: TrainedModel, targets: dict[str, Tensor], level: float = 0.8
) -> Calibration:
    data = tiny_data(changed={"val": targets})
    data.setup()
    fit, show = (samples_of(trained, data, split) for split in ("val", "test"))
    return calibrate(trained, fit, show, level, list(trained.model.named_tasks))


@pytest.mark.parametrize("name", ["kind", "size"])
def test_a_split_without_a_label_is_refused(name: str, tiny_data: TinyData) -> None:
    trained = model_of(**{name: Classification(3) if name == "kind" else Regression()})
    missing = {"kind": torch.full((24,), -100), "size": torch.full((24,), NAN)}
    with pytest.raises(InputError, match=f"^calibrate: the val set .* has no label of '{name}'"):
        calibrated(tiny_data, trained, {name: missing[name]})


def test_few_labels_are_refused_with_the_level_that_they_would_take(tiny_data: TinyData) -> None:
    size = torch.full((24,), NAN)
    size[:3] = 1.0
    with pytest.raises(InputError, match=r"'size' on the val set .* needs at least 4 labels"):
        calibrated(tiny_data, model_of(size=Regression()), {"size": size})


def test_outputs_that_are_not_numbers_are_refused(tiny_data: TinyData) -> None:
    trained = model_of(kind=Classification(3))
    trained.model.heads["kind"].weight.fill_(NAN)  # type: ignore[operator]
    with pytest.raises(InputError, match="'kind' on the val set .* not finite"):
        calibrated(tiny_data, trained, {"kind": KIND})


class Own(Regression):
    """A person's own numbers, which are not to be calibrated."""

    def fit_calibration(self, output: Tensor, target: Tensor, level: float) -> None:
        return None


def test_a_task_that_has_no_calibration_is_left_and_named(tiny_data: TinyData) -> None:
    with pytest.raises(InputError, match="none of size is of a kind"):
        calibrated(tiny_data, model_of(size=Own()), {})
    tasks = {"size": GaussianRegression(), "other": Own()}
    others = {"other": torch.rand(24)}
    data = tiny_data(changed={"val": others, "test": others})
    data.setup()
    trained = model_of(**tasks)
    fit, show = (samples_of(trained, data, split) for split in ("val", "test"))
    found = calibrate(trained, fit, show, 0.8)
    assert (list(found.tasks), found.left) == (["size"], ["other"])
    told = sentences(found)
    assert told[1] == "Left as they are, since they are not calibrated: other."
    assert "It is not known whether samples were trained on" in told[2]
    # The model itself is as it was.
    assert trained.model.named_tasks["size"].level is None  # type: ignore[attr-defined]


def test_a_task_without_labels_to_show_it_on_says_so(tiny_data: TinyData) -> None:
    trained = model_of(size=Regression())
    data = tiny_data(changed={"test": {"size": torch.full((24,), NAN)}})
    data.setup()
    fit, show = (samples_of(trained, data, split) for split in ("val", "test"))
    found = calibrate(trained, fit, show, 0.8)
    assert found.tasks["size"].shown == 0
    assert "no labels on the test set of TinyData to show what they cover" in sentences(found)[0]
