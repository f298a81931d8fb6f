"""What docs/transfer.md says of a head that only reads runs as it stands."""

from __future__ import annotations

import re
import shlex
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import yaml
from cli.conftest import DIGITS, QUICK, ROOT
from torch import nn

from multitask.tasks import Classification, Regression

PAGE = (ROOT / "docs/transfer.md").read_text(encoding="utf-8")
SECTION = PAGE.split("\n## A head that only reads\n")[1].split("\n## ")[0]
EXPERIMENT = ROOT / "configs/experiment/digits_reads_only.yaml"
SHORT = ("--trainer.limit_train_batches=1", "--trainer.log_every_n_steps=1")


class Handing(Regression):
    """Hands on what it does not know."""

    def __init__(self, extra: int = 1, **options: Any) -> None:
        super().__init__(**options)
        self.extra = extra


class Silent(Classification):
    """Hands on nothing."""

    def __init__(self) -> None:
        super().__init__(10)


def test_the_section_on_a_head_that_only_reads(
    multitask: Callable[..., None], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (snippet,) = re.findall(r"```yaml\n(.*?)```", SECTION, re.S)
    (commands,) = re.findall(r"```bash\n(.*?)```", SECTION, re.S)
    experiment, plain = (yaml.safe_load(path.read_text()) for path in (EXPERIMENT, DIGITS))
    assert (
        yaml.safe_load(snippet)["model"]["tasks"]["digit"] == experiment["model"]["tasks"]["digit"]
    )
    del experiment["model"]["tasks"]["digit"]["init_args"]["teaches"]
    assert {**experiment, "run": plain["run"]} == plain
    monkeypatch.chdir(tmp_path)
    Path("configs").symlink_to(ROOT / "configs")
    found = []
    for line in commands.splitlines():
        _, *arguments = shlex.split(line)
        multitask(*arguments, *QUICK, *SHORT)
    for name in ("digits_reads_only", "digits"):
        (path,) = Path("runs", name).glob("*/metrics.csv")
        rows = pd.read_csv(path)
        found.append(rows[rows["name"] == "train/digit/weight"]["value"].tolist())
    assert found == [[0], [pytest.approx(0.1)]]


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        (["glyph.teaches=0"], "teaches is 0 for every task, so nothing trains the encoder: freeze"),
        (["glyph.weight=0"], "teaches or weight is 0 for every task"),
        (["glyph.teaches=-1"], "teaches is -1.0; the factor on a task's gradient"),
        (["glyph.teaches=nan"], "teaches should be a number"),
        (["glyph.teaches=much"], "model.tasks.glyph.*teaches"),
    ],
)
def test_what_cannot_be_is_one_sentence(
    fails: Callable[..., str], settings: list[str], says: str
) -> None:
    arguments = [f"--model.tasks.{each}" for each in settings]
    assert re.search(says, fails("fit", f"--config={EXPERIMENT}", *arguments, *QUICK))


def test_a_task_of_ones_own_takes_it_if_it_hands_it_on(fails: Callable[..., str]) -> None:
    tasks = {
        "digit": {"class_path": f"{__name__}.Silent", "init_args": {"teaches": 0}},
        "glyph": {"class_path": f"{__name__}.Handing", "init_args": {"size": 16, "teaches": 0}},
    }
    assert isinstance(Handing(teaches=0.5, size=2), nn.Module)
    config = yaml.safe_load(EXPERIMENT.read_text())
    config["model"]["tasks"] = tasks
    Path("own.yaml").write_text(yaml.safe_dump(config))
    assert "teaches" in fails("fit", "--config=own.yaml", *QUICK)
    tasks["digit"] = {
        "class_path": "multitask.tasks.Classification",
        "init_args": {"num_classes": 10, "teaches": 0},
    }
    Path("own.yaml").write_text(yaml.safe_dump(config))
    assert "teaches is 0 for every task" in fails("fit", "--config=own.yaml", *QUICK)
