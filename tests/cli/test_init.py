"""``multitask init``: from a table to an experiment, a training and predictions."""

from __future__ import annotations

import csv
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import yaml
from cli.written_digits import BROKEN, CLASSES, TURNED, UNICODE, write_digits

EPOCHS = 25
HOSTILE = "<script>![x](gone.png)"
QUICK = ("--trainer.accelerator=cpu", "--run.wandb=off", "--run.figures=false")


@pytest.fixture(autouse=True)
def _own_cache(_own_folder: None, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("MULTITASK_CACHE", str(tmp_path / "cache"))


@pytest.mark.slow
def test_a_table_becomes_an_experiment_a_training_and_predictions(
    multitask: Callable[..., None], capsys: pytest.CaptureFixture[str]
) -> None:
    table = write_digits(Path("data"))
    multitask("init", str(table))
    said = capsys.readouterr().out
    for line in [
        "- row 32, images/030.png: not an image, or not one of BMP, GIF, JPEG, PNG, TIFF, WEBP",
        f"- row 33, ../outside.png: the path leads outside {Path('data').absolute()}",
        "## digit: 10 classes",
        "Check it, and train: multitask fit --config digits.yaml",
    ]:
        assert line in said.splitlines(), said
    text = Path("digits.yaml").read_text()
    assert "# row 32 (images/030.png)\n      unreadable_image: skip" in text
    assert "# row 33 (../outside.png)\n      outside_root: skip" in text
    assert "of 200 cells are missing" in text
    experiment = yaml.safe_load(text)
    assert experiment["data"]["init_args"]["targets"] == {
        "digit": {"columns": "digit", "classes": sorted(CLASSES)},
        "ink": {"columns": "ink"},
        "tilt_left": {"columns": ["tilt (left)"]},
    }

    multitask("fit", "--config=digits.yaml", f"--trainer.max_epochs={EPOCHS}", *QUICK)
    (run,) = Path("runs/digits").iterdir()
    metrics = pd.read_csv(run / "metrics.csv")
    tested = metrics[metrics["name"].str.startswith("test/")].set_index("name")["value"]
    # Chance is 0.1; targets that belong to other images would not be learnt.
    assert tested["test/digit/accuracy"] > 0.6
    assert tested["test/tilt_left/r2"] > 0.5

    multitask("predict", f"--ckpt_path={run}/checkpoints/best.ckpt", *QUICK)
    (predictions,) = run.glob("predict/*/predictions.csv")
    files = pd.read_csv(predictions)["file"]
    assert set(pd.read_csv(predictions)["digit"]) <= set(CLASSES)
    named = {row["file_name"] for row in csv.DictReader(table.open(encoding="utf-8"))}
    assert set(files) < named
    assert len(files) == 30
    splits = pd.read_csv(run / "splits.csv")
    assert list(files) == list(splits[splits["split"] == "test"]["file"])
    turned = {f"images/{place:03}.jpg" for place in TURNED}
    assert {"images/sieben für 七.png", *turned} <= set(splits["file"])
    assert f"images/{BROKEN:03}.png" not in set(splits["file"])
    assert len(splits) == 198
    assert UNICODE + 2 in set(splits["row"])


def test_splits_groups_and_vectors_reach_the_training(
    multitask: Callable[..., None],
    program: Callable[..., str],
    capsys: pytest.CaptureFixture[str],
) -> None:
    write_digits(Path("data"), count=30, missing=0)
    frame = pd.read_csv("data/digits.csv", nrows=28)
    columns: dict[str, Any] = {
        "patient": [f"p{row % 7}" for row in range(28)],
        "x1": range(28),
        "y1": [row * 0.5 for row in range(28)],
        "note": [f"something to read {row}" for row in range(28)],
    }
    frame = frame.drop(columns="digit").assign(**columns)
    frame.to_csv("data/few.csv", index=False, sep=";")
    multitask("init", "data/few.csv", "--output=made/few.yaml")
    said = capsys.readouterr().out
    assert "- column note is skipped: it is free text" in said
    assert "cannot be used" not in said
    text = Path("made/few.yaml").read_text()
    # What the comment after the split advises is possible there.
    advice = [line for line in text.splitlines() if line.endswith("add seed: 0 here.")]
    assert len(advice) == 1
    assert yaml.safe_load(text.replace(advice[0], "    seed: 0"))["data"]["init_args"]["seed"] == 0
    settings = yaml.safe_load(text)["data"]["init_args"]
    assert settings["split"]["class_path"].endswith("GroupedSplit")
    assert settings["split"]["init_args"]["by"] == "patient"
    assert settings["separator"] == ";"
    assert "cleaning" not in settings
    program("fit", "--config=made/few.yaml", "--trainer.max_epochs=1", *QUICK)
    (splits,) = Path("runs/few").glob("*/splits.csv")
    of_each = pd.read_csv(splits)["split"].groupby([row % 7 for row in range(28)]).nunique()
    assert set(of_each) == {1}


def test_inspect_reads_what_init_wrote(
    multitask: Callable[..., None], capsys: pytest.CaptureFixture[str]
) -> None:
    write_digits(Path("data"), count=30, missing=0)
    frame = pd.read_csv("data/digits.csv")
    names = ["yes", "~", "1e3", "True", "a: b", "007", "日本 $1$", "NA", HOSTILE, "x,y"]
    columns = {
        "name: 1": [names[row % 10] for row in range(30)],
        "keys": [row % 3 for row in range(30)],
        "x1": [row * 2 % 9 for row in range(30)],
        "y1": [row * 0.5 for row in range(30)],
    }
    frame[["file_name"]].assign(**columns).to_csv("data/odd names.csv", index=False)
    multitask("init", "data/odd names.csv")
    written = capsys.readouterr().out
    assert "--config 'odd names.yaml'" in written
    multitask("inspect", "odd names.yaml")
    report = capsys.readouterr().out.split("Run: ")[0].strip()
    assert report in written
    assert "| name_1 | " not in report
    for each in names[:6]:
        assert f"| {each} " in report
    assert "## name_1: 9 classes" in report
    assert "## keys_task: 3 classes" in report
    (page,) = Path("runs/inspect/odd names").glob("*/report.html")
    text = page.read_text(encoding="utf-8")
    assert ">&lt;script&gt;![x](gone.png)</th>" in text
    assert text.count("<script") == 1
    assert text.count("<img") == 1
    # The commented line is right as it stands.
    text = Path("odd names.yaml").read_text()
    Path("following.yaml").write_text(text.replace("# follows:", "follows:"))
    multitask("inspect", "following.yaml")


def test_a_folder_is_its_metadata(
    multitask: Callable[..., None], fails: Callable[..., str]
) -> None:
    table = write_digits(Path("photos"), count=30)
    assert "the folder photos has no metadata.csv, metadata.jsonl or" in fails("init", "photos")
    table.rename("photos/metadata.csv")
    multitask("init", "photos/")
    written = yaml.safe_load(Path("photos.yaml").read_text())
    assert written["data"]["init_args"]["path"] == "photos/metadata.csv"
    Path("photos/metadata.jsonl").touch()
    assert "has metadata.csv and metadata.jsonl; give" in fails("init", "photos", "--output=b")
    for split in ("train", "validation", "test"):
        write_digits(Path("parts", split), count=20).rename(f"parts/{split}/metadata.csv")
    multitask("init", "parts")
    written = yaml.safe_load(Path("parts.yaml").read_text())
    assert written["data"]["init_args"]["path"] == "parts"
    assert "split" not in written["data"]["init_args"]
    multitask("inspect", "parts.yaml")


def test_nothing_is_overwritten(
    multitask: Callable[..., None], fails: Callable[..., str], tmp_path: Path
) -> None:
    write_digits(Path("data"), count=30)
    Path("digits.yaml").write_text("mine")
    assert fails("init", "data/digits.csv") == (
        "multitask: digits.yaml already exists; choose another name with --output="
    )
    assert Path("digits.yaml").read_text() == "mine"


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ([], "init expects one table, as in: multitask init TABLE"),
        (["a.csv", "b.csv"], "init expects one table"),
        (["nowhere.csv"], "there is no table nowhere.csv"),
        (["data/images/000.png"], "cannot be read as a table"),
        (["data/digits.csv", "--ouput=x"], "init has no such setting; did you mean 'output'?"),
        (["data/digits.csv", "--output="], "give a value"),
        (["data/digits.csv", "--image_column=digits"], "did you mean 'digit'?"),
        (["data/digits.csv", "--image_folder=nowhere"], "nowhere, which does not exist"),
        (["data/digits.csv", "--output=data/digits.csv/x.yaml"], "cannot be written"),
    ],
)
def test_mistakes_are_told_in_one_sentence(
    fails: Callable[..., str], arguments: list[str], says: str
) -> None:
    write_digits(Path("data"), count=20)
    assert says in fails("init", *arguments)
    assert not list(Path().glob("*.yaml"))
