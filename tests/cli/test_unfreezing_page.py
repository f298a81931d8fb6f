"""What docs/transfer.md says of freezing runs as it stands."""

from __future__ import annotations

import re
import shlex
from collections.abc import Callable
from pathlib import Path

import pytest
from cli.conftest import QUICK, ROOT

PAGE = (ROOT / "docs/transfer.md").read_text(encoding="utf-8")
SECTION = PAGE.split("\n## Freeze and unfreeze\n")[1].split("\n## ")[0]
DIGITS = f"--config={ROOT / 'configs/experiment/digits_single.yaml'}"
SHORT = (*QUICK, "--trainer.limit_train_batches=1", "--trainer.max_steps=1")


def blocks(kind: str) -> list[str]:
    return re.findall(rf"```{kind}\n(.*?)```", SECTION, re.S)


def test_the_section_on_freezing(
    multitask: Callable[..., None], capsys: pytest.CaptureFixture[str]
) -> None:
    for number, snippet in enumerate(blocks("yaml")):
        Path(f"{number}.yaml").write_text(snippet)
        multitask("fit", DIGITS, f"--config={number}.yaml", "--trainer.fast_dev_run=true")
    said = capsys.readouterr().out
    assert "Frozen: encoder; 650 of 25,282 parameters learn\n" in said
    (shown,) = blocks("text")
    assert shown.splitlines()[0] in said


def test_the_experiments_start_from_the_encoder_of_a_run(multitask: Callable[..., None]) -> None:
    experiments = ROOT / "configs/experiment"
    multitask("fit", f"--config={experiments / 'digits_pretrain.yaml'}", *SHORT)
    (run,) = Path("runs/digits_pretrain").iterdir()
    Path("configs").symlink_to(ROOT / "configs")
    for line in "".join(blocks("bash")).splitlines():
        _, *arguments = shlex.split(line.replace("$RUN", str(run)))
        multitask(*arguments, "--trainer.fast_dev_run=true")
