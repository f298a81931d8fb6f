"""A checkpoint alone in an empty folder: every verb that follows training works."""

from __future__ import annotations

import shutil
from pathlib import Path

import pandas as pd
import pytest
import torch
from after.serving.stand_in_model import send, served
from after.trained_table import quiet_trainer, trained_checkpoint, write_images

from multitask import MultiTask
from multitask.after.serving.served_model import open_model
from multitask.cli.main import main
from multitask.data import PosedDigits
from multitask.encoders import ConvNet, Timm
from multitask.tasks import Classification, Regression


def of_digits(folder: Path) -> Path:
    """Trained on the digits for two batches."""
    model = MultiTask(ConvNet(), {"digit": Classification(10), "glyph": Regression(16)})
    trainer = quiet_trainer(folder, limit_train_batches=2, limit_val_batches=0)
    trainer.fit(model, PosedDigits(["digit", "glyph"], seed=0))
    trainer.save_checkpoint(folder / "best.ckpt")
    return folder / "best.ckpt"


def of_a_table(folder: Path) -> Path:
    """With Normalize and class names."""
    return trained_checkpoint(folder)


def of_timm(folder: Path) -> Path:
    """With an encoder of timm's."""
    return trained_checkpoint(folder, Timm("test_resnet", in_channels=3))


@pytest.mark.slow
@pytest.mark.usefixtures("empty_pictures")
@pytest.mark.parametrize("made", [of_digits, of_a_table, of_timm])
def test_every_verb_works(made: object, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    torch.manual_seed(0)
    empty = tmp_path / "empty"
    empty.mkdir()
    away = tmp_path / "away"
    away.mkdir()
    shutil.move(made(away), empty / "best.ckpt")  # type: ignore[operator]
    shutil.rmtree(away)
    monkeypatch.chdir(empty)
    names = write_images(Path("photos"), 4)
    is_digits = made is of_digits
    head = "file_name,digit" if is_digits else "file_name,kind,x,y"
    rows = [f"{n},{p % 10 if is_digits else 'cat,1,2'}" for p, n in enumerate(names)]
    Path("photos/labelled.csv").write_text("\n".join([head, *rows]))

    main(["predict", "best.ckpt", "photos"])
    predictions = pd.read_csv("predictions.csv")
    task = "digit" if is_digits else "kind"
    # In CSV, what a spreadsheet would take for a formula has an apostrophe.
    given = predictions[task].astype(str).str.removeprefix("'")
    assert len(predictions) == 4
    assert predictions[f"{task}.probability"].between(0, 1).all()

    main(["evaluate", "best.ckpt", "photos/labelled.csv"])
    (metrics,) = Path("evaluations").glob("*/metrics.csv")
    found = pd.read_csv(metrics).set_index(["task", "metric"])
    labels = [str(p % 10) if is_digits else "cat" for p in range(4)]
    right = (given == labels).mean()
    assert found.loc[(task, "accuracy"), "value"] == pytest.approx(right)

    main(["export", "best.ckpt"])
    for model in ("best.ckpt", "best.onnx"):
        app = served(open_model(Path(model)))
        answer = send(app, (Path("photos") / names[0]).read_bytes()).json()["tasks"][task]
        assert answer["value"] == given[0]

    main(["explain", "best.ckpt", "photos", "--labels=photos/labelled.csv"])
    (page,) = Path("explanations").glob("*/report.html")
    assert "What counts for each task" in page.read_text()
