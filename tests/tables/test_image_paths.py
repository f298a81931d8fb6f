"""Names in a table lead to files in one folder, or it is told why not."""

from __future__ import annotations

import os
import unicodedata
from pathlib import Path

import pytest

from multitask.tables.image_paths import ImagePaths, PathProblem, repeated


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "photos"
    (folder / "more").mkdir(parents=True)
    (folder / "a.png").touch()
    (folder / "more" / "B.JPG").touch()
    (tmp_path / "outside.png").touch()
    return folder


def problem(folder: Path, name: str) -> PathProblem:
    _, _, problems = ImagePaths(folder, folder).find(name)
    assert len(problems) == 1
    return problems[0]


def test_files_are_found_by_relative_and_absolute_names(folder: Path) -> None:
    for name in ("a.png", "./more/../a.png", str(folder / "a.png")):
        path, real, problems = ImagePaths(folder, folder).find(name)
        assert (path, problems) == (str(folder / "a.png"), [])
        assert real == os.path.realpath(folder / "a.png")


@pytest.mark.parametrize("name", ["../outside.png", "more/../../outside.png", "/etc/hostname"])
def test_paths_may_not_leave_the_root(folder: Path, name: str) -> None:
    assert problem(folder, name).kind == "outside_root"


def test_a_neighbour_whose_name_begins_alike_is_outside(folder: Path) -> None:
    (folder.parent / "photos2").mkdir()
    (folder.parent / "photos2/a.png").touch()
    assert problem(folder, "../photos2/a.png").kind == "outside_root"


def test_what_is_not_there_is_told_with_what_is_near(folder: Path) -> None:
    found = problem(folder, "more/b.jpg")
    assert (found.kind, found.hint) == ("missing_file", "; did you mean 'B.JPG'?")
    assert str(folder / "more/b.jpg") in found.reason
    assert problem(folder, "a.jpg").hint == "; did you mean 'a.png'?"
    assert problem(folder, "a.png/c.png").kind == "missing_file"


def test_backslashes_are_told(folder: Path) -> None:
    found = problem(folder, "more\\B.JPG")
    assert found.kind == "missing_file"
    assert "backslashes; use / instead" in found.reason
    (folder / "odd\\name.png").touch()
    assert ImagePaths(folder, folder).find("odd\\name.png")[2] == []


@pytest.mark.parametrize("name", ["more", "a\0b", "x" * 300 + ".png"])
def test_folders_and_impossible_names_are_no_files(folder: Path, name: str) -> None:
    assert problem(folder, name).kind == "missing_file"


def test_a_pipe_is_not_waited_for(folder: Path) -> None:
    os.mkfifo(folder / "pipe.png")
    assert "a special file" in problem(folder, "pipe.png").reason


def test_links_may_lead_within_but_not_out(folder: Path) -> None:
    (folder / "within.png").symlink_to("a.png")
    (folder / "out.png").symlink_to("../outside.png")
    (folder / "nowhere.png").symlink_to("gone.png")
    (folder / "elsewhere").symlink_to(folder.parent, target_is_directory=True)
    _, real, problems = ImagePaths(folder, folder).find("within.png")
    assert problems == []
    assert real == os.path.realpath(folder / "a.png")
    assert problem(folder, "out.png").kind == "symbolic_link"
    assert problem(folder, "elsewhere/outside.png").kind == "symbolic_link"
    assert problem(folder, "nowhere.png").kind == "missing_file"


def test_a_root_that_is_a_link_itself_is_no_way_out(folder: Path) -> None:
    link = folder.parent / "link"
    link.symlink_to(folder, target_is_directory=True)
    assert ImagePaths(link, link).find("more/B.JPG")[2] == []


@pytest.mark.parametrize(("in_table", "on_disk"), [("NFC", "NFD"), ("NFD", "NFC")])
def test_accents_may_be_written_in_either_way(folder: Path, in_table: str, on_disk: str) -> None:
    written = unicodedata.normalize(on_disk, "é.png")  # type: ignore[arg-type]
    (folder / written).touch()
    name = unicodedata.normalize(in_table, "é.png")  # type: ignore[arg-type]
    path, _, problems = ImagePaths(folder, folder).find(name)
    assert problems == []
    assert os.path.lexists(path)


def test_later_ones_are_repeated() -> None:
    assert repeated(["a", "b", "a", "c", "b", "a"]) == {2: 0, 4: 1, 5: 0}
