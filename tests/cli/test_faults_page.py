"""What docs/faults.md says of the largest batch runs as it stands, but shorter."""

from __future__ import annotations

import re
import shlex
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs/faults.md").read_text(encoding="utf-8")
QUICK = (
    "--trainer.limit_train_batches=1",
    "--trainer.limit_val_batches=1",
    "--trainer.limit_test_batches=1",
    "--trainer.enable_progress_bar=false",
    "--run.wandb=off",
    "--run.figures=false",
    "--model.encoder.channels=[2, 4]",
)


@pytest.mark.slow
def test_the_largest_batch_is_found(
    multitask: Callable[..., None], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    shutil.copytree(ROOT / "configs", tmp_path / "configs")
    (command,) = re.findall(r"^multitask (fit (?:.*\\\n)+.*)$", PAGE, re.MULTILINE)
    multitask(*shlex.split(command.replace("\\\n", "")), *QUICK)
    (log,) = tmp_path.glob("runs/digits/*/log.txt")
    assert "five from 64 end at 1024" in PAGE
    assert "using batch size 1024" in log.read_text()
