"""A disk without room at any write is told in one sentence, whose advice works."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from cli.full_disk import FullDisk

from multitask.checkpoints.named_checkpoint import LAST


@pytest.mark.slow
def test_a_disk_that_is_full_at_any_file_is_told_and_the_advice_works(
    multitask: Callable[..., None],
    fails: Callable[..., str],
    quick: tuple[str, ...],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    root = Path("disk")
    root.mkdir()
    disk = FullDisk(root, monkeypatch)
    multitask("fit", *quick, f"--run.root={root}/whole")
    (whole,) = root.glob("whole/digits/*")
    names = [re.sub(r"^whole/?(digits/?)?[^/]*/?", "", each) for each in disk.writes]
    # At the last write of each file, of which a part is on the disk then.
    moments = {name: number for number, name in enumerate(names)}
    assert {"owner/1", "config.yaml.part", "metrics.csv", "summary.json.part"} < moments.keys()
    for name, number in moments.items():
        disk.writes.clear()
        disk.full_from = number
        place = root / str(number)
        said = fails("fit", *quick, f"--run.root={place}")
        assert "No space left on device" in said, name
        assert not list(place.rglob("*.part")), name
        disk.full_from = None
        if "multitask resume" in said:
            assert "free some space first; continue with: multitask resume " in said
            (run,) = place.glob("digits/*")
            multitask("resume", said.split()[-1])
            assert same(run, whole), name
            assert (run / "summary.json").stat().st_size > 100
        else:
            # Nothing had been trained that could be lost.
            assert "start it again" in said or "choose another place with" in said
            assert not list(place.rglob(LAST))


def same(run: Path, whole: Path) -> bool:
    found, expected = (torch.load(each / LAST, weights_only=True) for each in (run, whole))
    pairs = zip(found["state_dict"].values(), expected["state_dict"].values(), strict=True)
    return all(torch.equal(one, other) for one, other in pairs)
