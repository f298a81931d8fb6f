"""Folders that are called as people call things."""

from __future__ import annotations

import unicodedata
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from multitask.errors import InputError
from multitask.study.folder_names import MOST_BYTES, ascii_slug, check_folder_name, slug


@pytest.mark.parametrize(
    ("name", "folder"),
    [
        ("Nash-MTL", "nash-mtl"),
        ("equal weights (2)", "equal-weights-2"),
        ("../../etc", "etc"),
        ("猫与狗", "猫与狗"),
        ("Größe", "grösse"),
        ("हिन्दी", "हिन्दी"),
        ("", ""),
    ],
)
def test_names_are_recognised(name: str, folder: str) -> None:
    assert slug(name) == folder


def test_names_without_letters_long_ones_and_devices_have_folders_of_their_own() -> None:
    names = [
        "🙂",
        "🙃",
        "!",
        "?",
        "x" * 300,
        "x" * 299,
        "猫" * 300,
        "猫" * 299,
        "nul",
        "COM1",
        "Aux",
    ]
    folders = [slug(name) for name in names]
    assert len(set(folders)) == len(folders)
    assert "nul" not in folders
    assert max(len(folder.encode()) for folder in folders) <= MOST_BYTES
    assert all(ascii_slug(name).isascii() and ascii_slug(name) for name in names)


@given(name=st.text(min_size=1))
def test_every_folder_is_safe(name: str) -> None:
    folder = slug(name)
    assert folder
    assert not set(folder) & set("/\\.~ \0")
    assert len(folder.encode()) <= MOST_BYTES
    assert folder == slug(name.upper().lower()) or name.upper().lower() != name
    # A disk that keeps names in another form, or without capitals, has the same folders.
    assert slug(unicodedata.normalize("NFD", folder).upper().lower()) in (folder, slug(folder))


@given(name=st.text(max_size=80))
def test_a_name_that_is_allowed_is_one_folder(
    name: str, tmp_path_factory: pytest.TempPathFactory
) -> None:
    if said := refusal(name):
        assert said.isprintable()
        return
    base = tmp_path_factory.getbasetemp() / "names"
    (base / name).mkdir(parents=True, exist_ok=True)
    assert (base / name).resolve().parent == base.resolve()
    assert Path(name).name == name


def refusal(name: str) -> str:
    """Why a name is refused; empty where it is not."""
    try:
        check_folder_name(name, "name")
    except InputError as error:
        return str(error)
    return ""
