"""What docs/after_training.md says of predictions runs as it stands."""

from __future__ import annotations

import json
import re
import shlex
import shutil
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from after.serving.stand_in_model import ask, served
from after.trained_table import trained_checkpoint, write_images
from after.trained_texts import trained_reviews, written_reviews

from multitask.after.serving.served_model import CheckpointModel
from multitask.cli.main import main

PAGE = (Path(__file__).parents[2] / "docs/after_training.md").read_text()
SECTION = PAGE.split("\n## Predict\n")[1].split("\n## ")[0]
WRITTEN = PAGE.split("\n## Texts, numbers and several inputs\n")[1].split("\n## ")[0]
TORCHRUN = "torchrun --nproc-per-node=2 -m multitask"


def blocks(kind: str, section: str = SECTION) -> list[str]:
    return re.findall(rf"```{kind}\n(.*?)```", section, re.S)


def test_the_section_on_predictions(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shutil.copy(trained_checkpoint(tmp_path / "trained"), tmp_path)
    monkeypatch.chdir(tmp_path)
    names = write_images(Path("photos"), 3)
    Path("photos/new.csv").write_text("\n".join(["file_name", *names]))
    lines = [line for block in blocks("bash") for line in block.splitlines()]
    for line in lines:
        words = shlex.split(line.removeprefix(TORCHRUN).removeprefix("multitask"))
        # What processes share is tested elsewhere.
        main([*words, *(["--output=shared.csv"] if line.startswith(TORCHRUN) else [])])
    assert len(lines) == 4
    assert len(pd.read_csv("predictions.csv")) == 3
    assert len(pd.read_json("two.jsonl", lines=True)) == 2
    assert len(pd.read_parquet("new.parquet")) == len(pd.read_parquet("vectors.parquet")) == 3
    (code,) = blocks("python")
    found: dict[str, object] = {}
    exec(compile(code, "docs/after_training.md", "exec"), found)
    assert len(found["table"]) == 2  # type: ignore[arg-type]


def test_the_section_on_texts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    shutil.copy(trained_reviews(tmp_path / "text"), "best.ckpt")
    shutil.copy(trained_reviews(tmp_path / "two", ["review", "person"]), "both.ckpt")
    written_reviews(Path("new.csv"), 3)
    written_reviews(Path("labelled.csv"))
    Path("reviews.txt").write_text("a good film\na bad book\n")
    commands, requests = blocks("bash", WRITTEN)
    for line in commands.splitlines():
        main(shlex.split(line)[1:])
    assert len(pd.read_csv("predictions.csv")) == 3
    lines = pd.read_csv("lines.csv")
    assert f"topic: {lines['topic'][0]}" in capsys.readouterr().out
    (code,) = blocks("python", WRITTEN)
    found: dict[str, Any] = {}
    exec(compile(code, "docs/after_training.md", "exec"), found)
    assert found["table"]["topic"].tolist() == lines["topic"].tolist()
    assert len(found["row"]) == 1
    first, second = (shlex.split(line) for line in requests.splitlines())
    app = served(CheckpointModel(found["trained"]))
    sent = ask(app, "/predict", "POST", json=json.loads(first[first.index("-d") + 1]))
    assert sent.json()["tasks"]["topic"]["value"] == lines["topic"][0]
    fields = dict(part.split("=", 1) for part in second if "=" in part)
    form = {name: (None, value) for name, value in fields.items() if name != "image"}
    app = served(CheckpointModel(found["both"]))
    assert ask(app, "/predict", "POST", files=form).status_code == 200
