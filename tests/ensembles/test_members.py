"""Which runs are pooled, and which are refused, in one sentence each."""

from __future__ import annotations

import re
import shutil
from pathlib import Path
from typing import Any

import pytest
import torch
from ensembles.made_runs import SeededData, made_model, made_run, tasks_of

import multitask
from multitask.after.trained_model import TrainedModel
from multitask.ensembles.members import (
    calibrated,
    check_same,
    pooled_description,
    pooled_images,
    read_members,
)
from multitask.errors import InputError
from multitask.tasks import Classification, GaussianRegression, Regression, Task

WIDER = {"inputs": {"image": {"height": 2, "width": 8, "channels": 1}}}


def changed(**tasks: Task | None) -> dict[str, Task]:
    data = SeededData(0)
    data.setup()
    return {name: task for name, task in {**tasks_of(data), **tasks}.items() if task is not None}


def member(
    source: str, tasks: dict[str, Task] | None = None, told: dict[str, Any] | None = None
) -> TrainedModel:
    model, description = made_model(7, tasks, told)
    return TrainedModel(model, description, device="cpu", source=source)


def kind(**told: Any) -> dict[str, Any]:
    return {"tasks": {"kind": {"kind": "Classification", **told}, "size": {"kind": "Regression"}}}


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        ({"tasks": changed(size=None)}, "has the task kind and "),
        ({"tasks": changed(kind=Classification(4))}, "'kind' has 4 outputs there, and 3 here"),
        ({"tasks": changed(size=GaussianRegression())}, "GaussianRegression there"),
        ({"tasks": changed(size=Regression(2))}, "'size' has 2 outputs there, and 1 here"),
        ({"told": kind(classes=["a", "b", "c"])}, "other classes there (a, b, c, not 0, 1, 2)"),
        ({"told": WIDER}, "with a different image format from"),
        (
            {"told": {"transforms": [{"class_path": "torch.nn.Identity"}]}},
            "different transforms from",
        ),
    ],
)
def test_other_tasks_classes_and_images_are_refused(options: dict[str, Any], reason: str) -> None:
    with pytest.raises(InputError, match=re.escape(reason)) as error:
        check_same(member("one.ckpt"), member("two.ckpt", **options))
    assert "two.ckpt" in str(error.value)
    assert "one.ckpt" in str(error.value)


def test_what_is_no_second_run_is_refused(runs: list[Path], tmp_path: Path) -> None:
    with pytest.raises(InputError, match="at least two runs, but 1 is given"):
        read_members([str(runs[0])], trust=False)
    copied = shutil.copytree(runs[0], tmp_path / "copied")
    with pytest.raises(InputError, match="have the same weights"):
        read_members([str(runs[0]), str(copied)], trust=False)


def test_a_member_with_broken_weights_is_named(runs: list[Path], tmp_path: Path) -> None:
    broken = shutil.copytree(runs[1], tmp_path / "broken")
    path = broken / "checkpoints" / "best.ckpt"
    content = torch.load(path, weights_only=True)
    content["state_dict"]["heads.size.bias"].fill_(torch.nan)
    torch.save(content, path)
    with pytest.raises(InputError, match=r"broken.* not finite numbers \(heads.size.bias\)"):
        read_members([str(runs[0]), str(broken)], trust=False)


def test_what_it_was_trained_on_and_how_it_is_calibrated(runs: list[Path], tmp_path: Path) -> None:
    sharp = made_run(tmp_path / "sharp", 5, told=kind(calibration={"temperature": 0.5}))
    members = [multitask.load(run / "checkpoints/best.ckpt", device="cpu") for run in runs[:2]]
    other = multitask.load(sharp / "checkpoints/best.ckpt", device="cpu")
    assert calibrated([*members, other]) == [str(other.source)]
    assert "calibration" not in pooled_description([other, *members])["tasks"]["kind"]
    for place, numbers in enumerate(([3, 1], [2, 3])):
        members[place].training_images = torch.tensor(numbers)
    found = pooled_images(members)
    assert found is not None
    assert found.tolist() == [1, 2, 3]
    other.training_images = None
    assert pooled_images([*members, other]) is None
