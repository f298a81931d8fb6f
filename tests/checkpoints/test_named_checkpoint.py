"""A run is named by its folder, a checkpoint by its file."""

from __future__ import annotations

from pathlib import Path

import pytest

from multitask.checkpoints.named_checkpoint import named_checkpoint
from multitask.errors import InputError


def test_a_runs_result_is_its_best_checkpoint_or_what_was_tested(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="is neither the folder of a run nor one for the hub"):
        named_checkpoint(tmp_path)
    places = tmp_path / "checkpoints"
    places.mkdir()
    (places / "last.ckpt").touch()
    with pytest.raises(InputError, match="has no checkpoints/best.ckpt"):
        named_checkpoint(tmp_path)
    # Tested without a best one, it has no validation set.
    (tmp_path / "summary.json").write_text('{"metrics": {"test/kind/accuracy": 1}}')
    assert named_checkpoint(tmp_path) == places / "last.ckpt"
    for name in ("ensemble", "best"):
        (places / f"{name}.ckpt").touch()
        assert named_checkpoint(tmp_path) == places / f"{name}.ckpt"


def test_anything_else_is_taken_as_it_is(tmp_path: Path) -> None:
    for place in (tmp_path / "none.ckpt", tmp_path / "there.ckpt"):
        assert named_checkpoint(place) == place
        (tmp_path / "there.ckpt").touch()
    (tmp_path / "config.json").touch()
    assert named_checkpoint(tmp_path) == tmp_path


def test_the_folder_around_a_run_or_in_it_names_that_run(tmp_path: Path) -> None:
    for name in ("20261128-1", "20261129-2"):
        (tmp_path / name / "checkpoints").mkdir(parents=True)
        (tmp_path / name / "config.yaml").touch()
    for given, meant in ((".", "20261129-2"), ("20261128-1/checkpoints", "20261128-1")):
        with pytest.raises(InputError, match=f"name one, such as {tmp_path / meant}, or a"):
            named_checkpoint(tmp_path / given)
