"""The routes, asked by good clients and by bad ones."""

from __future__ import annotations

import base64
import hashlib
import re
import struct
import zlib
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from after.serving.stand_in_model import (
    ADDRESS,
    HEIGHT,
    WIDTH,
    StandInModel,
    ask,
    image_file,
    refused,
    send,
    served,
)
from fastapi import Request
from python_multipart.exceptions import MultipartParseError
from starlette.types import ASGIApp


@pytest.fixture(scope="module")
def app() -> ASGIApp:
    return served(megabytes=0.3, megapixels=1)


def test_every_task_is_answered(app: ASGIApp) -> None:
    found = send(app, image_file((20, 10), "jpeg"))
    assert found.status_code == 200
    assert (found.json()["height"], found.json()["width"]) == (10, 20)
    tasks = found.json()["tasks"]
    assert list(tasks) == ["species", "weight", "position", "parts", "depth"]
    assert tasks["species"]["value"] == "cat"
    assert tasks["species"]["probabilities"]["häst <b>"] == 0.1
    assert tasks["species"]["uncertainty"] == {"entropy": 1.375}
    uncertainty = {"deviation": 0.5, "low": 3.25, "high": 5.25}
    number = {"kind": "number", "value": 4.25, "unit": "kg"}
    assert tasks["weight"] == {**number, "uncertainty": uncertainty, "level": 0.9}
    assert tasks["position"] == {"kind": "vector", "value": {"x": 1.5, "y": None}, "unit": "mm"}
    assert tasks["parts"]["shares"] == {"ground": 0.5, "animal": 0.5}
    assert tasks["depth"]["maximum"] == 47


def test_pixels_are_those_of_the_decoder() -> None:
    model = StandInModel()
    assert send(served(model), image_file((30, 30), "png", "LA")).status_code == 200
    # Transparent black lies over white, and the first image is the one that it is tried with.
    assert [each.max() for each in model.seen] == [0, 255]


@pytest.mark.parametrize("name", ["../../../secret.png", "/etc/passwd", "a\x00b", "😀" * 500, ""])
def test_the_name_of_a_file_is_never_used(
    app: ASGIApp, name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "a" / "b"
    folder.mkdir(parents=True)
    monkeypatch.chdir(folder)
    found = send(app, image_file(), name)
    # A form part without a name is not a file.
    assert found.status_code == (200 if name else 422)
    assert "secret" not in found.text
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []


def png_that_claims(width: int, height: int) -> bytes:
    head = b"IHDR" + struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    parts = [struct.pack(">I", 13) + head + struct.pack(">I", zlib.crc32(head))]
    data = b"IDAT" + zlib.compress(bytes(1000))
    parts.append(struct.pack(">I", len(data) - 4) + data + struct.pack(">I", zlib.crc32(data)))
    return b"\x89PNG\r\n\x1a\n" + b"".join(parts)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "the file is empty"),
        (b"hello", "not an image, or not one of"),
        (b"<svg xmlns='http://www.w3.org/2000/svg'/>", "not an image, or not one of"),
        (b"PK\x03\x04" + bytes(500), "not an image, or not one of"),
        (image_file((50, 50), "jpeg")[:-400], "cannot be read as an image"),
        (image_file()[:40], "cannot be read as an image"),
        (image_file(mode="F", kind="tiff"), "save them with 8 or 16 bits"),
        (png_that_claims(100, 100), "cannot be read as an image"),
        (png_that_claims(100_000, 100_000), "more pixels than this server accepts"),
        (image_file((2000, 2000), mode="1"), "at most 1,000,000"),
    ],
)
def test_files_that_are_no_images(app: ASGIApp, content: bytes, words: str) -> None:
    assert words in refused(send(app, content), 422)


def test_large_files(app: ASGIApp) -> None:
    assert "0.3 MB" in refused(send(app, bytes(10**6)), 413)
    # Within what a form may have around a file.
    assert "0.3 MB" in refused(send(app, bytes(310_000)), 413)


def test_a_client_that_says_nothing_of_the_length(app: ASGIApp) -> None:
    sent = []

    async def parts() -> AsyncIterator[bytes]:
        yield b'--x\r\nContent-Disposition: form-data; name="image"; filename="a"\r\n\r\n'
        for _ in range(10**6):
            sent.append(1)
            yield bytes(10_000)

    heads = {"content-type": "multipart/form-data; boundary=x"}
    found = ask(app, "/predict", "POST", content=parts(), headers=heads)
    assert "0.3 MB" in refused(found, 413)
    assert len(sent) < 100


@pytest.mark.parametrize(
    ("options", "status"),
    [
        ({}, 415),
        ({"json": {"image": "x"}}, 415),
        ({"content": image_file(), "headers": {"content-type": "image/png"}}, 415),
        ({"data": {"image": "x"}}, 415),
        ({"files": {"photo": image_file()}}, 422),
        ({"files": [("image", image_file()), ("image", image_file())]}, 422),
        ({"files": {"image": image_file()}, "data": {"other": "x"}}, 422),
        ({"files": {"image": image_file()}, "data": {"image": "x" * 30_000}}, 422),
        ({"content": b"x", "headers": {"content-type": "multipart/form-data"}}, 422),
        ({"content": b"x", "headers": {"content-type": "multipart/form-data; boundary=y"}}, 422),
        ({"content": b"--y", "headers": {"content-type": "multipart/form-data; boundary=y"}}, 422),
    ],
)
def test_requests_that_are_no_form_with_a_file(
    app: ASGIApp, options: dict[str, object], status: int
) -> None:
    assert "curl -F image=@photo.jpg" in refused(ask(app, "/predict", "POST", **options), status)


def test_a_form_that_only_the_parser_refuses(app: ASGIApp, monkeypatch: pytest.MonkeyPatch) -> None:
    async def form(*_: object, **__: object) -> None:
        raise MultipartParseError("no boundary.")

    monkeypatch.setattr(Request, "form", form)
    found = ask(app, "/predict", "POST", files={"image": image_file()})
    assert "the form cannot be read (no boundary)" in refused(found, 422)


@pytest.mark.parametrize(
    ("path", "method", "status"),
    [
        ("/nothing", "GET", 404),
        ("/predict/", "POST", 404),
        ("/../../etc/passwd", "GET", 404),
        ("/predict", "GET", 405),
        ("/", "DELETE", 405),
    ],
)
def test_routes_that_are_not_there(app: ASGIApp, path: str, method: str, status: int) -> None:
    assert "/docs lists what there is" in refused(ask(app, path, method), status)


@pytest.mark.parametrize(
    "host", ["evil.example", "evil.example:8000", "10.0.0.1", "", "[::2", "a@b"]
)
def test_other_names_that_point_here(app: ASGIApp, host: str) -> None:
    found = ask(app, "/health", headers={"host": host})
    assert "only this machine" in refused(found, 403)
    assert ask(served(is_local=False), "/health", headers={"host": host}).status_code == 200


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1:9000", "127.0.0.2", "[::1]:80"])
def test_names_of_this_machine(app: ASGIApp, host: str) -> None:
    assert ask(app, "/health", headers={"host": host}).json() == {"status": "ok"}


@pytest.mark.parametrize(
    "headers",
    [
        {"origin": "http://evil.example"},
        {"origin": "null"},
        {"origin": "http://localhost:9999"},
        {"origin": "http://[::"},
        {"sec-fetch-site": "cross-site"},
        {"sec-fetch-site": "same-site"},
    ],
)
def test_pages_of_other_sites(app: ASGIApp, headers: dict[str, str]) -> None:
    found = send(app, image_file(), headers=headers)
    assert "other sites" in refused(found, 403)
    assert not [name for name in found.headers if name.startswith("access-control")]


def test_its_own_page(app: ASGIApp) -> None:
    headers = {"origin": ADDRESS, "sec-fetch-site": "same-origin"}
    assert send(app, image_file(), headers=headers).status_code == 200


def test_a_browser_runs_nothing_but_the_page_itself(app: ASGIApp) -> None:
    found = ask(app, "/")
    policy = found.headers["content-security-policy"]
    for name in ("script", "style"):
        (text,) = re.findall(f"<{name}>(.*?)</{name}>", found.text, re.S)
        digest = base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
        assert f"{name}-src 'sha256-{digest}';" in policy
    assert "unsafe" not in policy
    assert "default-src 'none'" in policy
    assert found.headers["x-content-type-options"] == "nosniff"
    assert "://" not in found.text


def test_the_page_for_programs(app: ASGIApp) -> None:
    routes = ask(app, "/openapi.json").json()["paths"]
    page = ask(app, "/docs").text
    assert sorted(routes) == ["/description", "/health", "/predict"]
    assert all(f" {path}</code>" in page for path in routes)
    assert "häst &lt;b&gt;" in page
    assert "<b>" not in page
    assert set(re.findall(r"\w+://[^\s/<&]+", page)) == {ADDRESS}


def test_the_description(app: ASGIApp) -> None:
    told = ask(app, "/description").json()
    assert told["model"] == "best.ckpt"
    assert told["tasks"] == StandInModel.description["tasks"]
    assert told["inputs"]["image"] == {"height": HEIGHT, "width": WIDTH, "channels": 3}
    assert told["limits"]["megabytes"] == 0.3


def test_a_model_that_fails(capsys: pytest.CaptureFixture[str]) -> None:
    def fail() -> None:
        if len(model.seen) > 0:
            raise RuntimeError("a secret\nof two lines")

    model = StandInModel(fail)
    app = served(model)
    sentence = refused(send(app, image_file()), 500)
    assert "secret" not in sentence
    said = capsys.readouterr().err.splitlines()
    assert said == ["multitask: a request failed: RuntimeError: a secret of two lines"]
    assert ask(app, "/health").status_code == 200
