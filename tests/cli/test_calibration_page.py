"""What docs/uncertainty.md says of calibration runs as it stands."""

from __future__ import annotations

import re
import shlex
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest
import torch
import yaml
from cli.conftest import DIGITS, QUICK
from PIL import Image

from multitask.data import PosedDigits

PAGE = (Path(__file__).parents[2] / "docs/uncertainty.md").read_text(encoding="utf-8")
SECTION = PAGE.split("\n## Calibration and intervals\n")[1].split("\n## ")[0]
RUN = "runs/digits/20261128-120000-1a2b3c"
ROWS = 40


def blocks(kind: str) -> list[str]:
    return re.findall(rf"```{kind}\n(.*?)```", SECTION, re.S)


def test_the_section_on_calibration(
    multitask: Callable[..., None], capsys: pytest.CaptureFixture[str]
) -> None:
    (snippet,) = blocks("yaml")
    config = yaml.safe_load(DIGITS.read_text())
    config["model"]["tasks"] |= yaml.safe_load(snippet)["model"]["tasks"]
    config["data"]["init_args"]["tasks"].append("angle")
    Path("digits.yaml").write_text(yaml.safe_dump(config))
    multitask("fit", "--config=digits.yaml", *QUICK, "--trainer.limit_train_batches=15")
    (run,) = Path("runs/digits").iterdir()
    run.rename(RUN)
    write_digits()
    Path("best.ckpt").write_bytes(Path(RUN, "checkpoints/best.ckpt").read_bytes())
    commands = [line for block in blocks("bash") for line in block.splitlines()]
    assert len(commands) == 3
    for line in commands:
        _, *arguments = shlex.split(line)
        multitask(*arguments)
    said = capsys.readouterr().out
    assert re.search(r"glyph: intervals .* before, (over|under)-confident|about right", said)
    assert "angle: intervals for the share 0.9 of the values, from 500 labels" in said
    columns = list(pd.read_csv("predictions.csv"))
    for name in ("digit.entropy", "glyph.deviation.0", "glyph.low.0", "angle.low", "angle.high"):
        assert name in columns
    assert "angle.deviation" not in columns
    names: dict[str, object] = {}
    (code,) = blocks("python")
    exec(compile(code, "docs/uncertainty.md", "exec"), names)
    assert "glyph.high.15" in names["table"]  # type: ignore[operator]


def write_digits() -> None:
    data = PosedDigits(["digit"], seed=3)
    data.setup()
    images = data.splits["test"].images(torch.arange(ROWS))
    Path("photos").mkdir()
    for number, image in enumerate(images):
        Image.fromarray((255 * image[0]).round().byte().numpy()).save(f"photos/{number}.png")
    Path("photo.png").write_bytes(Path("photos/0.png").read_bytes())
    digits = data.targets("test")["digit"][:ROWS].tolist()
    files = [f"photos/{each}.png" for each in range(ROWS)]
    pd.DataFrame({"file_name": files, "digit": digits}).to_csv("labelled.csv", index=False)
