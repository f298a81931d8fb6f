"""The run that is resumed: the last, or the one that is named."""

from __future__ import annotations

from pathlib import Path

import pytest

from multitask import InputError
from multitask.checkpoints.named_checkpoint import LAST
from multitask.runs.folder import CONFIG
from multitask.runs.last_run import resumable_run


def make_run(folder: Path, checkpoint: bool = True) -> Path:
    (folder / "checkpoints").mkdir(parents=True)
    (folder / CONFIG).write_text("{}")
    if checkpoint:
        (folder / LAST).write_bytes(b"")
    return folder


def test_last_run_is_the_newest_of_any_experiment_and_no_test_of_a_run(tmp_path: Path) -> None:
    make_run(tmp_path / "b" / "20300101-000000-0000000")
    newest = make_run(tmp_path / "a" / "20300101-000001-0000000")
    make_run(newest / "test" / "20300101-000003-0000000", checkpoint=False)
    assert resumable_run(None, tmp_path) == newest


def test_a_last_run_without_a_checkpoint_is_told_and_no_older_one_taken(tmp_path: Path) -> None:
    make_run(tmp_path / "b" / "20300101-000000-0000000")
    make_run(tmp_path / "a" / "20300101-000002-0000000", checkpoint=False)
    expected = "000002-0000000, which was started last, has no .*resume .*b/20300101-000000"
    with pytest.raises(InputError, match=expected):
        resumable_run(None, tmp_path)


def test_given_run_is_taken_whatever_its_age(tmp_path: Path) -> None:
    old = make_run(tmp_path / "a" / "20300101-000000-0000000")
    make_run(tmp_path / "a" / "20300101-000001-0000000")
    assert resumable_run(str(old), Path("elsewhere")) == old


def test_run_that_cannot_go_on_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="there is no run in"):
        resumable_run(None, tmp_path)
    with pytest.raises(InputError, match=r"has no config\.yaml; give a run's folder"):
        resumable_run(str(tmp_path), tmp_path)
    run = make_run(tmp_path / "a" / "b", checkpoint=False)
    with pytest.raises(InputError, match=r"no checkpoints/last\.ckpt .*fit --config=.*a/b/config"):
        resumable_run(str(run), tmp_path)
