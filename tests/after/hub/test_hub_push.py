"""Sending a folder to a hub, which here is on this machine."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from after.stand_in_hub import TOKEN, StandInHub
from huggingface_hub import constants

from multitask import InputError
from multitask.after.hub.hub_push import check_push, push


@pytest.fixture
def hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[StandInHub]:
    made = StandInHub()
    monkeypatch.setattr(constants, "ENDPOINT", made.address)
    monkeypatch.setattr(constants, "HF_TOKEN_PATH", str(tmp_path / "no_token"))
    monkeypatch.delenv("HF_TOKEN", raising=False)
    monkeypatch.delenv("HUGGING_FACE_HUB_TOKEN", raising=False)
    yield made
    made.close()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    place = tmp_path / "model"
    place.mkdir()
    (place / "README.md").write_text("---\nlibrary_name: multitask\n---\n\n# animals\n")
    (place / "model.safetensors").write_bytes(bytes(range(200)))
    return place


def test_a_folder_arrives_in_a_private_repository(
    hub: StandInHub, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HF_TOKEN", TOKEN)
    check_push("me/animals")
    assert push(folder, "me/animals") == f"{hub.address}/me/animals"
    (created,) = hub.created
    assert created.get("private") is True or created.get("visibility") == "private"
    assert hub.files == {each.name: each.read_bytes() for each in folder.iterdir()}


def test_nobody_is_logged_in(hub: StandInHub) -> None:
    with pytest.raises(InputError, match="you are not logged in to the hub; log in first"):
        check_push("me/animals")


def test_a_wrong_token(hub: StandInHub, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_TOKEN", "hf_wrong")
    with pytest.raises(InputError, match="the hub rejected your token; log in") as refused:
        check_push("me/animals")
    assert "hf_wrong" not in str(refused.value)


def test_no_network(hub: StandInHub, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_TOKEN", TOKEN)
    monkeypatch.setattr(constants, "ENDPOINT", "http://127.0.0.1:9")
    with pytest.raises(InputError, match="was written, but not sent: ") as refused:
        push(folder, "me/animals")
    assert "\n" not in str(refused.value)
    assert folder.is_dir()


@pytest.mark.parametrize("name", ["animals", "me/", "me/a/b", "me/../x", "me/a b", "/x", "mé/x"])
def test_names_that_are_none(name: str) -> None:
    with pytest.raises(InputError, match="give a user or organisation and a name: USER/NAME"):
        check_push(name)
