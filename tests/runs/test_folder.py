"""Folders of runs: no two are the same, and each is found again."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from multitask import InputError
from multitask.checkpoints.named_checkpoint import LAST
from multitask.runs.folder import CONFIG, config_of, folder_of, make_folder, new_folder, part_file


def test_names_are_a_time_and_an_id_that_no_other_run_has(tmp_path: Path) -> None:
    names = [new_folder(tmp_path).name for _ in range(10)]
    assert len(set(names)) == 10
    assert all(re.fullmatch(r"\d{8}-\d{6}-[0-9a-f]{7}", name) for name in names)
    assert not list(tmp_path.iterdir())


def test_names_sort_by_time_within_a_second_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import multitask.runs.folder as module

    names = []
    for time in ("05:59:59.999", "06:00:00.001", "06:00:00.090", "06:00:00.800", "06:00:01"):

        class Clock(module.datetime):  # type: ignore[misc, name-defined]
            @classmethod
            def now(cls, tz: object = None, time: str = time) -> Clock:
                return cls.fromisoformat(f"2030-01-02 {time}")

        monkeypatch.setattr(module, "datetime", Clock)
        names.append(new_folder(tmp_path).name)
    assert names == sorted(names)


def test_folder_is_made_with_those_above_and_may_be_there(tmp_path: Path) -> None:
    folder = tmp_path / "a" / "b"
    make_folder(folder)
    (folder / "kept").touch()
    make_folder(folder)
    assert (folder / "kept").exists()


def test_folder_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(InputError, match=r"file/run cannot be created .*--run\.root"):
        make_folder(tmp_path / "file" / "run")


def test_parts_of_a_run_never_share_a_file(tmp_path: Path) -> None:
    names = []
    for _ in range(3):
        path = part_file(tmp_path, CONFIG)
        path.touch()
        names.append(path.name)
    assert names == ["config.yaml", "config-2.yaml", "config-3.yaml"]


def test_configuration_is_that_of_the_last_part(tmp_path: Path) -> None:
    for _ in range(11):
        part_file(tmp_path, CONFIG).touch()
    (tmp_path / "config-old.yaml").touch()
    assert config_of(tmp_path).name == "config-11.yaml"
    assert config_of(tmp_path / "new") == tmp_path / "new" / CONFIG


def test_folder_of_a_checkpoint_is_the_runs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = tmp_path / "runs" / "digits" / "one"
    (run / LAST).parent.mkdir(parents=True)
    (run / CONFIG).write_text("{}")
    assert folder_of(run / LAST) == run
    assert folder_of(run / "model.ckpt") == run
    assert folder_of(run / "test" / "two" / "deep.ckpt") is None
    assert folder_of(tmp_path / "other.ckpt") is None
    monkeypatch.chdir(tmp_path)
    assert folder_of(Path("runs/digits/one") / LAST) == Path("runs/digits/one")
    monkeypatch.chdir(run / "checkpoints")
    assert folder_of(Path("last.ckpt")) == run
    monkeypatch.chdir(run)
    assert folder_of(Path(LAST)) == run
