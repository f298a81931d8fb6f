"""A table of several labels becomes an experiment, a training, predictions and an evaluation."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import yaml
from PIL import Image

QUICK = (
    "--trainer.accelerator=cpu",
    "--trainer.max_epochs=1",
    "--run.wandb=off",
    "--run.figures=false",
)
NAMES = ["cat", "dog", "wild", "young"]
ROWS = 48


@pytest.fixture(autouse=True)
def _own_cache(_own_folder: None, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("MULTITASK_CACHE", str(tmp_path / "cache"))


def rows() -> list[list[int]]:
    """For each image, whether each of the labels holds; for some none does."""
    return np.random.default_rng(0).integers(0, 2, (ROWS, len(NAMES))).tolist()


@pytest.fixture
def files() -> list[str]:
    """Images of noise."""
    Path("photos").mkdir()
    names = [f"{row}.png" for row in range(ROWS)]
    for row, name in enumerate(names):
        pixels = np.random.default_rng(row).integers(0, 256, (8, 8), dtype=np.uint8)
        Image.fromarray(pixels).save(f"photos/{name}")
    return names


def written(config: str) -> tuple[Any, Any]:
    """Targets and tasks."""
    found = yaml.safe_load(Path(config).read_text())
    return found["data"]["init_args"]["targets"], found["model"]["tasks"]


def test_cells_of_several_words(
    multitask: Callable[..., None], files: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    cells = [" ".join(n for n, one in zip(NAMES, each, strict=True) if one) for each in rows()]
    # Of an empty cell nothing is known.
    cells = [each or "none" for each in cells]
    cells[5] = ""
    with Path("photos/table.csv").open("w", newline="") as file:
        csv.writer(file).writerows([["file_name", "kinds"], *zip(files, cells, strict=True)])
    multitask("init", "photos/table.csv", "--output=table.yaml")
    said = capsys.readouterr().out
    assert "## kinds: 4 labels" in said
    holds = sum(each[0] for place, each in enumerate(rows()) if place != 5)
    (line,) = [each for each in said.splitlines() if each.startswith("| cat ")]
    counts = [int(cell.split(" of ")[0]) for cell in line.strip("| ").split("|")[1:]]
    assert sum(counts) == holds
    targets, tasks = written("table.yaml")
    assert targets == {
        "kinds": {"columns": "kinds", "labels": NAMES, "between": " ", "none": "none"}
    }
    assert tasks["kinds"] == {
        "class_path": "multitask.tasks.MultiLabel",
        "init_args": {"labels": NAMES},
    }
    multitask("inspect", "table.yaml")
    assert said.split("Written, with")[0].strip() in capsys.readouterr().out

    multitask("fit", "--config=table.yaml", *QUICK)
    (run,) = Path("runs/table").iterdir()
    best = f"{run}/checkpoints/best.ckpt"
    multitask("predict", best, "photos/0.png", "photos/1.png", "--output=made.csv")
    made = pd.read_csv("made.csv")
    assert list(made)[1:5] == [f"kinds.{name}" for name in NAMES]
    multitask("evaluate", best, "photos/table.csv", "--folder=found")
    (folder,) = Path("found").iterdir()
    found = pd.read_csv(folder / "predictions.csv")
    own = found["kinds.cat.target"]
    assert own.isna().sum() == 1
    assert own.sum() == holds
    metrics = pd.read_csv(folder / "metrics.csv")
    assert {"average_precision", "f1", "auroc", "exact_match"} <= {*metrics["metric"]}
    multitask("calibrate", best, "--output=calibrated.ckpt", "--folder=calibrated")
    assert "kinds: " in capsys.readouterr().out


def test_lists_of_0_and_1_and_columns_of_yes_and_no(
    multitask: Callable[..., None], files: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    lines = []
    for name, each in zip(files, rows(), strict=True):
        answers = {f"is_{n}": ["no", "yes"][one] for n, one in zip(NAMES, each, strict=True)}
        lines.append(json.dumps({"file_name": name, "hot": each, **answers}))
    Path("photos/hot.jsonl").write_text("\n".join(lines))
    multitask("init", "photos/hot.jsonl", "--output=hot.yaml")
    targets, tasks = written("hot.yaml")
    assert targets["hot"] == {"columns": "hot", "labels": ["0", "1", "2", "3"]}
    assert tasks["hot"]["class_path"] == "multitask.tasks.MultiLabel"
    assert list(targets) == ["hot", *(f"is_{name}" for name in NAMES)]
    text = " ".join(Path("hot.yaml").read_text().replace("#", "").split())
    names = ", ".join(f"is_{name}" for name in NAMES)
    assert f"write one target with columns: [{names}] and labels: [{names}]" in text
    # As the remark says, beside the lists, which say the same.
    several = names.split(", ")
    found = yaml.safe_load(Path("hot.yaml").read_text())
    found["data"]["init_args"]["targets"] = {"kinds": {"columns": several, "labels": several}}
    kinds = {"class_path": "multitask.tasks.MultiLabel", "init_args": {"labels": several}}
    found["model"]["tasks"] = {"kinds": kinds}
    Path("several.yaml").write_text(yaml.safe_dump(found))
    multitask("inspect", "several.yaml")
    assert "## kinds: 4 labels" in capsys.readouterr().out
