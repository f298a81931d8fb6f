"""What docs/after_training.md says of predictions runs as it stands."""

from __future__ import annotations

import re
import shlex
import shutil
from pathlib import Path

import pandas as pd
import pytest
from after.trained_table import trained_checkpoint, write_images

from multitask.cli.main import main

PAGE = (Path(__file__).parents[2] / "docs/after_training.md").read_text()
SECTION = PAGE.split("\n## Predict\n")[1].split("\n## ")[0]
TORCHRUN = "torchrun --nproc-per-node=2 -m multitask"


def blocks(kind: str) -> list[str]:
    return re.findall(rf"```{kind}\n(.*?)```", SECTION, re.S)


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
