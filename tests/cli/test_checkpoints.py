"""Checkpoints that are damaged, and disks that take no more."""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
import torch

from multitask.checkpoints.integrity import damage

CHANGING = """
import os, subprocess
from pathlib import Path
from lightning.pytorch import Callback

class Change(Callback):
    def __init__(self, step: int):
        self.step = step

    def on_train_batch_end(self, trainer, *_):
        if trainer.global_step == self.step:
            self.change(Path(trainer.checkpoint_callbacks[-1].dirpath))

class Fill(Change):
    def change(self, folder):
        free = os.statvfs(folder)
        free = free.f_bavail * free.f_bsize
        (folder.parents[2] / "filling").write_bytes(bytes(free - 50_000))

class Lock(Change):
    def change(self, folder):
        folder.chmod(0o555)
        if os.geteuid() == 0:
            os.seteuid(65534)
"""


def step(path: Path) -> int:
    return int(torch.load(path, weights_only=True)["global_step"])


def state(run: Path) -> dict[str, torch.Tensor]:
    return torch.load(run / "checkpoints/last.ckpt", weights_only=True)["state_dict"]


def test_a_damaged_checkpoint_is_named_and_the_one_before_it_is_used_when_asked(
    multitask: Callable[..., None], fails: Callable[..., str], quick: tuple[str, ...]
) -> None:
    multitask("fit", *quick, "--trainer.max_epochs=4", "--run.keep_last=3")
    (run,) = Path("runs/digits").iterdir()
    kept = sorted(path.name for path in (run / "checkpoints").iterdir())
    assert kept == ["best.ckpt", "last-1.ckpt", "last-2.ckpt", "last.ckpt"]
    last, before, older = (
        run / f"checkpoints/{name}.ckpt" for name in ("last", "last-1", "last-2")
    )
    assert [step(path) for path in (last, before, older)] == [16, 12, 8]
    expected = state(run)

    last.write_bytes(last.read_bytes()[:-100])
    said = fails("resume", str(run), "--trainer.max_epochs=4")
    assert f"{last}: the file is damaged, or is not a checkpoint: it is incomplete" in said
    assert f"{before}, beside it, is not damaged" in said
    assert step(before) == 12

    multitask("resume", str(run), f"--ckpt_path={before}")
    assert [step(path) for path in (last, before, older)] == [16, 12, 8]
    found = state(run)
    assert all(torch.equal(values, found[name]) for name, values in expected.items())


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    """A small disk in memory, mounted at ``disk`` in the test's folder."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=8m", "tmpfs", str(folder)]
    try:
        mounted = subprocess.run(mount, capture_output=True).returncode == 0
    except FileNotFoundError:
        mounted = False
    if not mounted:
        pytest.skip("this machine allows no mounting of disks")
    yield folder
    subprocess.run(["umount", "-l", str(folder)], check=True)


@pytest.fixture
def public_folder() -> Iterator[Path]:
    """A folder that other users can look into; ends as the user as whom it began."""
    user = os.geteuid()
    with TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        yield Path(folder)
        os.seteuid(user)


def test_a_full_disk_loses_nothing(
    disk: Path, fails: Callable[..., str], quick: tuple[str, ...]
) -> None:
    check_that_nothing_is_lost("Fill", "No space left on device", disk, fails, quick)


def test_a_folder_that_was_made_read_only_loses_nothing(
    public_folder: Path, fails: Callable[..., str], quick: tuple[str, ...]
) -> None:
    check_that_nothing_is_lost("Lock", "Permission denied", public_folder, fails, quick)


def check_that_nothing_is_lost(
    change: str, reason: str, root: Path, fails: Callable[..., str], quick: tuple[str, ...]
) -> None:
    Path(f"changing_{change}.py").write_text(CHANGING)
    said = fails(
        "fit",
        *quick,
        f"--run.root={root}",
        "--trainer.max_epochs=3",
        f"--trainer.callbacks=changing_{change}.{change}",
        "--trainer.callbacks.step=5",
    )
    (run,) = root.glob("digits/*")
    last = run / "checkpoints/last.ckpt"
    assert re.search(f"{run}/.* cannot be written", said)
    assert f"cannot be written ({reason}); " in said
    assert f"; continue with: multitask resume {run}" in said
    assert step(last) == 4
    assert damage(last) is None
