"""Clients that connect and keep the server waiting, or do not speak HTTP."""

from __future__ import annotations

import json
import socket
import time
from collections.abc import Iterator
from contextlib import closing, suppress
from urllib.parse import urlsplit

import httpx
import pytest
from after.serving.stand_in_model import StandInModel, image_file, running, served

from multitask.after.serving import connection

SILENCE = 0.3
HEAD = b"POST /predict HTTP/1.1\r\nHost: localhost\r\n"


@pytest.fixture
def address(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    monkeypatch.setattr(connection, "SILENCE", SILENCE)
    model = StandInModel(lambda: time.sleep(2 * SILENCE))
    with running(served(model, megabytes=1)) as address:
        yield address


def connected(address: str) -> socket.socket:
    place = urlsplit(address)
    found = socket.create_connection((place.hostname, place.port), timeout=20)
    found.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return found


def received(client: socket.socket) -> bytes:
    """All that comes until the server closes the connection."""
    content = b""
    with suppress(ConnectionResetError):
        while part := client.recv(10_000):
            content += part
    return content


def error_of(answer: bytes) -> str:
    return json.loads(answer.partition(b"\r\n\r\n")[2])["error"]


def test_what_is_not_http(address: str) -> None:
    for content in (b"GARBAGE\r\n\r\n", b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n"):
        with closing(connected(address)) as client:
            client.sendall(content)
            answer = received(client)
        assert answer.startswith(b"HTTP/1.1 400 ")
        assert "not HTTP" in error_of(answer)


@pytest.mark.parametrize("bytes_sent", [b"", b"POST /pre", HEAD])
def test_a_client_that_does_not_ask(address: str, bytes_sent: bytes) -> None:
    start = time.monotonic()
    with closing(connected(address)) as client:
        client.sendall(bytes_sent)
        assert received(client) == b""
    assert time.monotonic() - start < 10


def test_a_head_that_comes_byte_by_byte(address: str) -> None:
    start = time.monotonic()
    with closing(connected(address)) as client, suppress(OSError):
        while time.monotonic() - start < 10:
            client.sendall(b"x")
            time.sleep(SILENCE / 5)
    assert time.monotonic() - start < 10


def test_a_refused_file_that_does_not_end(address: str) -> None:
    start = time.monotonic()
    with closing(connected(address)) as client, suppress(OSError):
        kind = b"Content-Type: multipart/form-data; boundary=x\r\n"
        client.sendall(HEAD + kind + b"Content-Length: 100000000\r\n\r\n")
        assert client.recv(10_000).startswith(b"HTTP/1.1 413 ")
        while time.monotonic() - start < 10:
            client.sendall(bytes(1000))
            time.sleep(SILENCE / 5)
    assert time.monotonic() - start < 10


def test_an_answer_may_take_longer(address: str) -> None:
    with httpx.Client(base_url=address, timeout=20) as client:
        for _ in range(2):
            assert client.post("/predict", files={"image": image_file()}).status_code == 200


def test_a_client_that_is_one_too_many(address: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connection, "MOST", 1)
    with closing(connected(address)) as first, closing(connected(address)) as second:
        answer = received(second)
        assert answer.startswith(b"HTTP/1.1 503 ")
        assert b"Retry-After: 1\r\n" in answer
        assert "busy" in error_of(answer)
        assert received(first) == b""
    deadline = time.monotonic() + 5
    while (status := httpx.get(f"{address}/health").status_code) == 503:
        # As the server asks its clients to.
        assert time.monotonic() < deadline
        time.sleep(1)
    assert status == 200
