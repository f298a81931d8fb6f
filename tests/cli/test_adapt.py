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
from after.made_models import checkpoint, described
from after.trained_table import write_images
from cli.conftest import ROOT

from multitask import MultiTask
from multitask.after.labelled_samples import own_samples
from multitask.after.loading import load
from multitask.configuration.trust import names_others
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
    # It can be adapted as any run can: nothing in its configuration needs trust.
    config = Path("adapted/prototypes/config.yaml").read_text(encoding="utf-8")
    assert not names_others(config)
    # Its configuration names the data, so that it can be evaluated on their test set.
    assert len(own_samples(load("adapted/prototypes", device="cpu"), "test", None)) == 1500
    names: dict[str, Any] = {"pixels": torch.zeros(4, 1, 24, 24, dtype=torch.uint8)}
    names["target"] = torch.tensor([0, 0, 1, 1])
    shutil.copy(Path(run) / "checkpoints/best.ckpt", "best.ckpt")
    (code,) = blocks("python")
    exec(compile(code, "docs/after_training.md", "exec"), names)
    assert names["probabilities"].shape == (4, 2)


TASK = "model: {tasks: {digit: {class_path: Classification, init_args: {num_classes: 10}}}}\n"
DATA = "data: {init_args: {tasks: [digit], labels_per_class: null}}\n"


@pytest.mark.parametrize(
    ("written", "arguments", "words"),
    [
        (TASK + DATA, ["--shots=20,900"], "labels of class 9, fewer than 900 shots"),
        (
            TASK.replace("{digit:", "{angle: Regression, digit:"),
            [],
            "task.yaml has the new tasks angle and digit; adapt learns only one, so name one",
        ),
        (
            TASK + "trainer: {max_epochs: 3}",
            [],
            "task.yaml:2: trainer has no effect here, because the learners of adapt do not",
        ),
        (TASK.replace("}}}}", "}}}, skips: 3}"), [], "model.skips has no effect here"),
        (TASK.replace("{tasks", "{encoder: ConvNet, tasks"), [], "model.encoder cannot change"),
        (TASK.replace("num_classes", "classes_"), [], "Classification has no setting 'classes_'"),
        (
            TASK + DATA.replace("[digit]", "[digits]"),
            [],
            "PosedDigits has no task 'digits'; did you",
        ),
        (TASK + DATA.replace("[digit]", "[angle]"), [], "'digit'"),
        (
            TASK.replace("10}", "10, teaches: 0}"),
            [],
            "task.yaml:1: 'digit' is the only task, so its teaches has no effect; remove it",
        ),
        (TASK, ["--learners=Head"], "there is no learner 'Head'; did you mean 'HeadOnly'?"),
        (
            TASK,
            ["--write=digit.yaml"],
            "digit.yaml already exists; choose another name with --write=",
        ),
        (
            TASK + "data: {class_path: Sines}\n",
            [],
            "Sines deals episodes, but adapt draws them from ordinary samples",
        ),
        (TASK, ["--shot=1"], "--shot=1: adapt has no such setting; did you mean 'shots'?"),
    ],
)
def test_refuses_in_one_sentence(
    fails: Callable[..., str], run: str, written: str, arguments: list[str], words: str
) -> None:
    Path("task.yaml").write_text(written, encoding="utf-8")
    assert words in fails("adapt", run, "--config=task.yaml", *SMALL, *arguments)
    assert not (Path(run) / "adapt").exists()


def test_needs_the_new_task(fails: Callable[..., str], run: str) -> None:
    assert "adapt needs the new task: --config=FILE" in fails("adapt", run)
    said = fails("adapt", "nowhere", "--config=digit.yaml")
    assert "there is no checkpoint nowhere" in said
