"""A training from a table and a folder of images, from the first command to its predictions."""

from __future__ import annotations

import csv
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from cli.conftest import Program
from PIL import Image

from multitask.cli.check import check_arguments
from multitask.data import Table
from multitask.errors import InputError
from multitask.tables.cleaning import Cleaning
from multitask.tables.target_columns import TargetColumns

SAMPLES = 60
CONFIG = """
seed_everything: 3
data:
  class_path: multitask.data.Table
  init_args:
    path: photos
    image_size: 4
    batch_size: 8
    targets:
      species: {columns: species, classes: [cat, 'no', 3]}
      weight: {columns: weight_g}
      landmarks:
        columns: [x1, y1]
        follows: {class_path: multitask.geometry.Positions}
    cleaning: {missing_file: skip}
model:
  encoder: {class_path: multitask.encoders.MLP, init_args: {in_features: 48, hidden: []}}
  tasks:
    species: {class_path: multitask.tasks.Classification, init_args: {num_classes: 3}}
    weight: {class_path: multitask.tasks.Regression}
    landmarks: {class_path: multitask.tasks.Regression, init_args: {size: 2}}
  optimizer: {class_path: torch.optim.SGD, init_args: {lr: 0.01}}
trainer: {accelerator: cpu, max_epochs: 1, enable_progress_bar: false}
run: {wandb: 'off', figures: false}
"""
AS_SET: dict[str, Any] = {"seed": 3, "cleaning": Cleaning(missing_file="skip")}
HEADER = ["file_name", "species", "weight_g", "x1", "y1"]


@pytest.fixture
def experiment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """The argument that names an experiment; one of its images is not there."""
    monkeypatch.setenv("MULTITASK_CACHE", str(tmp_path / "cache"))
    Path("photos").mkdir()
    for number in range(SAMPLES - 1):
        Image.new("RGB", (4, 5), (number, 0, 99)).save(f"photos/é{number}.png")
    with open("photos/metadata.csv", "w", newline="", encoding="utf-8") as file:
        rows = [
            [f"é{n}.png", ["cat", "no", "3", ""][n % 4], n if n % 3 else "", n, 1 if n % 2 else ""]
            for n in range(SAMPLES)
        ]
        csv.writer(file).writerows([HEADER, *rows])
    Path("photos.yaml").write_text(CONFIG)
    return "--config=photos.yaml"


def table(path: Path) -> list[dict[str, str]]:
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


@pytest.mark.slow
def test_a_run_knows_its_files(
    experiment: str,
    program: Program,
    multitask: Callable[..., None],
    fails: Callable[..., str],
    capsys: pytest.CaptureFixture[str],
) -> None:
    output = program("fit", experiment)
    assert "photos/metadata.csv: skipped, as configured: 1 row (missing_file: 1)" in output
    (run,) = Path("runs/photos").iterdir()
    splits = table(run / "splits.csv")
    assert len(splits) == SAMPLES - 1
    assert [row["file"] for row in table(run / "skipped.csv")] == [f"é{SAMPLES - 1}.png"]
    tested = [row["file"] for row in splits if row["split"] == "test"]

    # Another process, which has other hashes, finds the same.
    data = Table({"weight": TargetColumns("weight_g")}, Path("photos"), image_size=4, **AS_SET)
    assert data.names("test") == tested

    multitask("predict", f"--ckpt_path={run}/checkpoints/best.ckpt")
    said = capsys.readouterr().out
    assert f"Predicted for {len(tested)} of {len(splits)} samples, those of the test split" in said
    assert f"multitask predict {run}/checkpoints/best.ckpt IMAGES" in said
    (predicted,) = run.glob("predict/*/predictions.csv")
    assert [row["file"] for row in table(predicted)] == tested
    assert (predicted.parent / "splits.csv").read_bytes() == (run / "splits.csv").read_bytes()

    # New images have no labels.
    Path("new.csv").write_text("file_name\nphotos/é0.png\n", encoding="utf-8")
    said = fails("predict", f"--ckpt_path={run}/checkpoints/best.ckpt", "--data.path=new.csv")
    assert f"another command: multitask predict {run}/checkpoints/best.ckpt IMAGES" in said

    Image.new("RGB", (4, 5)).save(f"photos/é{SAMPLES - 1}.png")
    said = fails("resume", str(run), "--trainer.max_epochs=2")
    assert f"{run}/splits.csv: " in said
    assert "moved to another split, 1 added and 0 removed since this run began" in said
    assert not (run / "config-2.yaml").exists()
    Path(f"photos/é{SAMPLES - 1}.png").unlink()
    multitask("resume", str(run), "--trainer.max_epochs=2")
    assert (run / "splits-2.csv").read_bytes() == (run / "splits.csv").read_bytes()


@pytest.mark.parametrize(
    ("argument", "expected"),
    [
        ("--data.cleaning.missing_fil=skip", "Cleaning has no setting 'missing_fil'; did you mean"),
        ("--data.cleaning.missing_file=skp", "missing_file should be 'error' or 'skip', not 'skp'"),
        ("--data.targets.weight.colums=a", "TargetColumns has no setting 'colums'; did you mean"),
        ("--data.targets.weight=a", "weight should be a mapping with columns, classes"),
        ("--data.targets.size={classes: [a]}", "TargetColumns needs columns (text or a list of"),
        ("--data.split=StratifiedSplit", "StratifiedSplit needs by (text)"),
    ],
)
def test_settings_of_a_table_are_checked(experiment: str, argument: str, expected: str) -> None:
    with pytest.raises(InputError) as refused:
        check_arguments(["fit", experiment, argument])
    assert str(refused.value).startswith(f"{argument}: {expected}")


def test_cells_are_told_in_one_sentence(experiment: str, fails: Callable[..., str]) -> None:
    said = fails("fit", experiment, "--data.targets.species.classes=[cat, no, 3]")
    assert "photos/metadata.csv, row 3 (é1.png): column 'species': the class 'no'" in said
    assert said.endswith("YAML reads no without quotes as true or false, so write 'no' in classes")


def test_resume_compares_contents(
    experiment: str, multitask: Callable[..., None], fails: Callable[..., str]
) -> None:
    multitask("fit", experiment)
    (run,) = Path("runs/photos").iterdir()
    before = {path: path.read_bytes() for path in run.rglob("*.y*ml")}
    metadata = Path("photos/metadata.csv")
    text = metadata.read_text(encoding="utf-8")
    (file,) = [row["file"] for row in table(run / "splits.csv") if row["file"] == "é7.png"]
    splits = {row["file"]: row["split"] for row in table(run / "splits.csv")}
    # A class that was missing.
    metadata.write_text(text.replace("é7.png,,", "é7.png,cat,"), encoding="utf-8")
    said = fails("resume", str(run), "--trainer.max_epochs=2")
    assert f"{splits[file]}: 1 of " in said
    assert "targets of task 'species' differ, the first that of é7.png" in said
    metadata.write_text(text, encoding="utf-8")
    Image.new("RGB", (4, 5), (1, 2, 3)).save("photos/é8.png")
    said = fails("resume", str(run), "--trainer.max_epochs=2")
    assert f"({splits['é8.png']}: 1 of " in said
    assert "inputs 'image' differ, the first that of é8.png); undo the change, or" in said
    assert {path: path.read_bytes() for path in run.rglob("*.y*ml")} == before
    (advice,) = re.findall(r"multitask (fit .*)", said)
    multitask(*advice.split(), "--trainer.max_epochs=2")
    assert len(list(Path("runs/photos").iterdir())) == 2
    Image.new("RGB", (4, 5), (8, 0, 99)).save("photos/é8.png")
    multitask("resume", str(run), "--trainer.max_epochs=2")


def test_half_of_the_cache_zeroed_trains_as_before(
    experiment: str, multitask: Callable[..., None], capsys: pytest.CaptureFixture[str]
) -> None:
    weights = []
    for _ in range(2):
        multitask("fit", experiment)
        last = max(Path("runs/photos").iterdir()) / "checkpoints/last.ckpt"
        weights.append(torch.load(last, weights_only=True)["state_dict"])
        (pixels,) = Path("cache").glob("*/images.uint8")
        size = pixels.stat().st_size
        with pixels.open("r+b") as file:
            file.write(bytes(size // 2))
    assert f"{pixels.resolve()} is damaged" in capsys.readouterr().err
    assert all(torch.equal(weights[0][name], weights[1][name]) for name in weights[0])
