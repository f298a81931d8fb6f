"""Whatever a checkpoint says of its inputs and tasks, it is used or refused in one sentence."""

from __future__ import annotations

from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest
import torch
from after.trained_table import trained_checkpoint, written_table
from fuzz.campaign import attack
from fuzz.mutations import changed
from fuzz.outcome import outcome
from fuzz.test_checkpoints import CHANGES

import multitask
from multitask.checkpoints.format import KEY


@pytest.mark.filterwarnings("ignore")
def test_any_description(tmp_path: Path) -> None:
    path = trained_checkpoint(tmp_path / "trained")
    table = written_table(tmp_path / "photos")
    whole = torch.load(path, weights_only=True)

    def used() -> None:
        trained = multitask.load(path)
        trained.predict(table.parent / "0.png")
        trained.evaluate(table, resamples=20)

    def try_stamp(stamp: Any) -> str | None:
        torch.save({**whole, KEY: stamp}, path)
        return outcome(used)

    stamp = whole[KEY]
    assert try_stamp(stamp) is None
    # They were tracebacks once.
    past = [deepcopy(stamp) for _ in range(4)]
    past[0]["description"]["tables"] = "x"
    past[1]["description"]["tables"][0]["targets"]["kind"] = {"class_path": "os.system"}
    past[2]["description"]["tables"][0]["targets"]["kind"]["columns"] = torch.zeros(2)
    past[3]["description"]["inputs"]["image"]["width"] = torch.zeros(2)
    attack(try_stamp, changed(stamp, CHANGES), examples=20, past=past)
