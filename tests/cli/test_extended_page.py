"""What docs/transfer.md says of adding a task runs as it stands."""

from __future__ import annotations

import json
import re
import shlex
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml
from cli.conftest import QUICK

PAGE = (Path(__file__).parents[2] / "docs/transfer.md").read_text(encoding="utf-8")
SECTION = PAGE.split("\n## Add a task and keep the old\n")[1].split("\n## ")[0]
RUN = "runs/digits/20261128-120000-1a2b3c"


def blocks(kind: str) -> list[str]:
    return re.findall(rf"```{kind}\n(.*?)```", SECTION, re.S)


def test_the_section_on_adding_a_task(
    multitask: Callable[..., None], digits_run: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    shutil.copytree(digits_run, RUN)
    task, callback = blocks("yaml")
    Path("angle.yaml").write_text(task, encoding="utf-8")
    extend, fit = (line for block in blocks("bash") for line in block.splitlines())
    multitask(*shlex.split(extend)[1:])
    written = yaml.safe_load(Path("extended.yaml").read_text(encoding="utf-8"))
    (shown,) = yaml.safe_load(callback)["trainer"]["callbacks"]
    (kept,) = written["trainer"]["callbacks"]
    assert kept["init_args"].items() <= shown["init_args"].items()
    multitask(*shlex.split(fit)[1:], *QUICK)
    said = capsys.readouterr().out
    assert "test set, tasks that were kept" in said
    (run,) = Path("runs/extended").iterdir()
    metrics = json.loads((run / "summary.json").read_text())["metrics"]
    for name in ("digit/accuracy", "glyph/r2"):
        assert {f"test/{name}", f"before/test/{name}"} <= metrics.keys()
    logged = (run / "metrics.csv").read_text()
    assert "before/val/digit/accuracy" in logged
    assert "train/glyph/distance" in logged
    # To test it, the old run is not needed.
    shutil.rmtree(RUN)
    multitask("test", f"--ckpt_path={run}/checkpoints/best.ckpt", *QUICK)
    assert "tasks that were kept" in capsys.readouterr().out
