"""``multitask evaluate``: a run's own test set, tables, and what is refused."""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest
import torch
from PIL import Image

from multitask.data import PosedDigits

PAGE = Path(__file__).parents[2] / "docs/after_training.md"
ROWS = 40


@pytest.fixture
def run(digits_run: Path) -> Path:
    """A run of a few steps on the digits."""
    return digits_run


@pytest.fixture
def table(tmp_path: Path) -> Path:
    """Test digits as files, and a table of them."""
    data = PosedDigits(["digit", "glyph"], seed=3)
    data.setup()
    images = data.splits["test"].images(torch.arange(ROWS))
    folder = tmp_path / "images"
    folder.mkdir()
    for number, image in enumerate(images):
        Image.fromarray((255 * image[0]).round().byte().numpy()).save(folder / f"{number}.png")
    digits = data.targets("test")["digit"][:ROWS].tolist()
    columns = {"file_name": [f"images/{each}.png" for each in range(ROWS)], "digit": digits}
    columns["patient"] = [each // 2 for each in range(ROWS)]
    pd.DataFrame(columns).to_csv(tmp_path / "labelled.csv", index=False)
    return tmp_path / "labelled.csv"


def written(folder: Path) -> pd.DataFrame:
    (found,) = folder.glob("*/metrics.csv")
    return pd.read_csv(found).set_index(["task", "metric"])


def test_the_runs_own_test_set_has_the_values_of_its_test(
    run: Path, multitask: Callable[..., None], capsys: pytest.CaptureFixture[str]
) -> None:
    multitask("evaluate", str(run / "checkpoints/best.ckpt"))
    found = written(run / "evaluate")
    tested = json.loads((run / "summary.json").read_text())["metrics"]
    for (task, metric), row in found.iterrows():
        assert row["value"] == pytest.approx(tested[f"test/{task}/{metric}"], rel=1e-4)
    assert (found["groups"] == 500).all()
    said = capsys.readouterr().out
    assert "Intervals are over groups (handwritten digit): 500" in said
    assert "No image was trained on" in said


@pytest.mark.slow
@pytest.mark.usefixtures("quick_evaluation")
def test_the_commands_of_the_page_work_with_the_checkpoint_alone(
    run: Path, table: Path, multitask: Callable[..., None], capsys: pytest.CaptureFixture[str]
) -> None:
    here = table.parent
    for name in ("best.ckpt", "other.ckpt"):
        (here / name).write_bytes((run / "checkpoints/best.ckpt").read_bytes())
    section = PAGE.read_text().split("## Evaluate")[1].split("\n## ")[0]
    commands = re.search(r"```bash\n(.*?)```", section, re.DOTALL)
    assert commands is not None
    for line in commands[1].splitlines():
        words = [
            str(run / "checkpoints/best.ckpt") if each.startswith("runs/") else each
            for each in shlex.split(line)
        ]
        assert words[:2] == ["multitask", "evaluate"]
        if not words[2].startswith("/"):
            multitask(*words[1:])
    said = capsys.readouterr().out
    assert "no column for them: glyph" in said
    assert "Intervals are over groups (patient): 20" in said
    assert "no difference that can be distinguished from chance in digit" in said
    assert len(list((here / "evaluations").glob("*/report.html"))) == 3
    assert len(list((here / "evaluations").glob("*/differences.csv"))) == 1


def test_bad_input_is_one_sentence(run: Path, table: Path, fails: Callable[..., str]) -> None:
    best = str(run / "checkpoints/best.ckpt")
    assert "expects a checkpoint" in fails("evaluate")
    assert "expects a checkpoint" in fails("evaluate", best, "a.csv", "b.csv")
    assert "there is no such checkpoint" in fails("evaluate", "none.ckpt", str(table))
    assert "there is no table" in fails("evaluate", best, "none.csv")
    assert "remove it, or the table" in fails("evaluate", best, str(table), "--split=val")
    assert "give --split=" in fails("evaluate", best, "--split=tset")
    assert "no such column" in fails("evaluate", best, str(table), "--group=who")
    assert "'handwritten digit'" in fails("evaluate", best, "--group=who")
    assert "no such setting" in fails("evaluate", best, "--batch=3")
    assert not list(Path().glob("evaluations"))
