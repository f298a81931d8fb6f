"""Adapting a run to a new task with few labels, as a person does it."""

from __future__ import annotations

import json
import re
import shlex
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
import yaml
from after.made_models import checkpoint, described
from after.trained_table import write_images
from cli.conftest import ROOT

from multitask import MultiTask
from multitask.encoders import ConvNet
from multitask.tasks import Regression

PAGE = (ROOT / "docs/after_training.md").read_text(encoding="utf-8")
SECTION = PAGE.split("\n## Adapt to few labels\n")[1].split("\n## ")[0]
RUN = "runs/digits_pretrain/20261128-120000-1a2b3c"
SMALL = ("--samples=60", "--episodes=1", "--device=cpu")


def blocks(kind: str) -> list[str]:
    return re.findall(rf"```{kind}\n(.*?)```", SECTION, re.S)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A checkpoint of a network that draws thumbnails, with random weights."""
    torch.manual_seed(0)
    model = MultiTask(ConvNet(channels=[4, 4], out_features=8), {"glyph": Regression(16)})
    told = described(model.named_tasks, (1, 24, 24))
    path = tmp_path_factory.mktemp("made") / "best.ckpt"
    return checkpoint(path, model, inputs=told["inputs"])


@pytest.fixture
def run(made: Path) -> str:
    """A run in the folder where the test is, and `digit.yaml` beside it."""
    (Path(RUN) / "checkpoints").mkdir(parents=True)
    shutil.copy(made, Path(RUN) / "checkpoints")
    shutil.copy(ROOT / "configs/experiment/digits_pretrain.yaml", Path(RUN) / "config.yaml")
    Path("digit.yaml").write_text(blocks("yaml")[0], encoding="utf-8")
    return RUN


def test_the_section_on_few_labels(
    multitask: Callable[..., None], run: str, capsys: pytest.CaptureFixture[str]
) -> None:
    write_images(Path("photos"), 3)
    compared, written, predicted = (line for block in blocks("bash") for line in block.splitlines())
    multitask(*shlex.split(compared)[1:], *SMALL, "--shots=1")
    said = capsys.readouterr().out
    assert "digit: accuracy ↑" in said
    assert "Query set: 60 of the 1,500 labelled samples of the test set of PosedDigits" in said
    (folder,) = (Path(run) / "adapt").iterdir()
    found = json.loads((folder / "adaptation.json").read_text(encoding="utf-8"))
    assert list(found["learners"]) == [
        "head only",
        "prototypes",
        "all parameters",
        "from scratch",
    ]
    assert (folder / "log.txt").is_file()
    multitask(*shlex.split(written)[1:], *SMALL)
    assert sorted(each.name for each in Path("adapted").iterdir()) == ["head_only", "prototypes"]
    multitask(*shlex.split(predicted)[1:])
    assert len(Path("predictions.csv").read_text().splitlines()) == 4
    capsys.readouterr()
    # Its configuration names the data, so that it is tested on their test set.
    multitask("evaluate", "adapted/prototypes", "--device=cpu")
    assert "No image was trained on, as far as equal pixels tell." in capsys.readouterr().out
    names: dict[str, Any] = {"pixels": torch.zeros(4, 1, 24, 24, dtype=torch.uint8)}
    names["target"] = torch.tensor([0, 0, 1, 1])
    shutil.copy(Path(run) / "checkpoints/best.ckpt", "best.ckpt")
    (code,) = blocks("python")
    exec(compile(code, "docs/after_training.md", "exec"), names)
    assert names["probabilities"].shape == (4, 2)


@pytest.mark.parametrize(
    ("change", "arguments", "words"),
    [
        ({}, ["--shots=20,200"], "adapt: 'digit' has 97 labels of class"),
        (
            {"model": {"tasks": {"digit": {}, "angle": {"class_path": "Regression"}}}},
            [],
            "task.yaml has the new tasks digit and angle; adapt learns one, so name one",
        ),
        (
            {"trainer": {"max_epochs": 3}},
            [],
            "trainer does not count here, because each learner of adapt has its own way to learn",
        ),
        (
            {"model": {"optimizer": "torch.optim.SGD"}},
            [],
            "model.optimizer does not count here",
        ),
        (
            {"model": {"encoder": "ConvNet"}},
            [],
            "model.encoder cannot change, because its weights are those of the run",
        ),
        (
            {"data": {"init_args": {"tasks": ["digits"]}}},
            [],
            "PosedDigits have no 'digits'; did you mean 'digit'?",
        ),
        (
            {"data": {"init_args": {"tasks": ["angle"]}}},
            [],
            "'digit'",
        ),
        (
            {"data": {"class_path": "multitask.data.Digits", "init_args": None}},
            [],
            "init_args is empty",
        ),
        ({}, ["--learners=Head"], "--learners: there is no learner 'Head'; choose from"),
        ({}, ["--write=digit.yaml"], "digit.yaml is there already"),
        ({}, ["--shot=1"], "--shot=1: adapt has no such setting; did you mean 'shots'?"),
    ],
)
def test_refuses_in_one_sentence(
    fails: Callable[..., str], run: str, change: Any, arguments: list[str], words: str
) -> None:
    content = yaml.safe_load(Path("digit.yaml").read_text(encoding="utf-8"))
    for group, each in change.items():
        for key, value in each.items():
            content.setdefault(group, {})
            if isinstance(value, dict) and isinstance(content[group].get(key), dict):
                content[group][key] = {**value, **content[group][key]} | (
                    value if group == "data" else {}
                )
            else:
                content[group][key] = value
    Path("task.yaml").write_text(yaml.safe_dump(content), encoding="utf-8")
    assert words in fails("adapt", run, "--config=task.yaml", *SMALL, *arguments)
    assert not (Path(run) / "adapt").exists()


def test_needs_the_new_task(fails: Callable[..., str], run: str) -> None:
    assert "adapt needs the new task: --config=FILE" in fails("adapt", run)
    said = fails("adapt", "nowhere", "--config=digit.yaml")
    assert "there is no checkpoint nowhere" in said
