"""``multitask serve`` as a process: many clients, no PyTorch, and how it ends."""

from __future__ import annotations

import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Timer

import httpx
import pytest
from after.made_models import checkpoint, trained
from after.serving.stand_in_model import image_file
from cli.forked_program import ForkedProgram

import multitask as package
from multitask.after.exporting.export import export
from multitask.after.serving import served_model, server
from multitask.after.serving.limits import Limits
from multitask.cli.help import usage
from multitask.cli.main import main

PAGE = Path(__file__).parents[2] / "docs/after_training.md"
WITHOUT_TORCH = """
import sys

class Blocked:
    def find_spec(self, name, *_):
        if name.split(".")[0] in {
            "torch", "torchvision", "lightning", "timm", "torchmetrics", "torchjd", "pandas",
            "scipy", "sklearn", "matplotlib", "wandb", "jsonargparse", "yaml", "jinja2", "onnx",
        }:
            raise ModuleNotFoundError(name, name=name)

sys.meta_path.insert(0, Blocked())
from multitask.cli.program import program
program()
"""


@pytest.fixture(scope="module")
def best(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return checkpoint(tmp_path_factory.mktemp("model") / "best.ckpt")


@pytest.fixture(scope="module")
def onnx(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return export(trained(), "onnx", tmp_path_factory.mktemp("onnx") / "model.onnx").path


@pytest.fixture
def process(onnx: Path) -> Iterator[subprocess.Popen[str]]:
    """A server of the ONNX file where PyTorch is not installed."""
    source = str(Path(package.__file__).parents[1])
    started = subprocess.Popen(
        [sys.executable, "-c", WITHOUT_TORCH, "serve", str(onnx), "--port=0"],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env={**os.environ, "PYTHONPATH": source},
    )
    watch = Timer(120, started.kill)
    watch.start()
    yield started
    watch.cancel()
    started.kill()
    started.wait()


class Ended:
    """A server that has ended before it has begun."""

    def run(self, sockets: list[socket.socket]) -> None:
        assert len(sockets) == 1


@pytest.fixture(autouse=True)
def _no_server_here(monkeypatch: pytest.MonkeyPatch) -> None:
    """No test of a refusal waits for ever if nothing is refused."""
    monkeypatch.setattr(server, "make_server", lambda _: Ended())


def address_in(line: str) -> str:
    found = re.search(r"Serving .* on (http://127\.0\.0\.1:\d+) \(press Ctrl-C to stop\)", line)
    assert found, line
    return found[1]


def free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return found.getsockname()[1]


SENT = [
    ("photo.png", image_file(), {200}),
    ("photo.jpg", image_file((400, 300), "jpeg"), {200}),
    ("../../../etc/passwd", image_file(), {200}),
    ("broken.jpg", image_file((400, 300), "jpeg")[:-600], {422}),
    ("huge.png", image_file((8000, 7000), mode="1"), {422}),
    ("long.png", bytes(21_000_000), {413}),
    ("model.ckpt", b"PK\x03\x04" + bytes(9000), {422}),
    ("", image_file(), {422}),
]


def test_many_clients_and_all_that_they_send(process: subprocess.Popen[str]) -> None:
    assert process.stdout is not None
    address = address_in(process.stdout.readline())

    def send(number: int) -> tuple[int, set[int]]:
        name, content, expected = SENT[number % len(SENT)]
        sent = {"image": (name, content)}
        # To read certificates, which nobody shows here, takes longer than the answer.
        found = httpx.post(f"{address}/predict", files=sent, timeout=60, verify=False)
        assert "tasks" in found.json() if found.status_code == 200 else found.json()["error"]
        return found.status_code, expected

    with ThreadPoolExecutor(32) as pool:
        found = list(pool.map(send, range(64)))
    assert [status for status, expected in found if status not in {*expected, 503}] == []
    assert Counter(status for status, _ in found)[200] > 0
    # One that sends nothing more, and one whose answer is not read, keep nobody from ending it.
    place = ("127.0.0.1", int(address.rpartition(":")[2]))
    with socket.create_connection(place) as idle, socket.create_connection(place) as half:
        half.sendall(b"POST /predict HTTP/1.1\r\nHost: localhost\r\nContent-Length: 99\r\n")
        half.sendall(b"Content-Type: multipart/form-data; boundary=x\r\n\r\n--x")
        idle.sendall(b"GET")
        assert httpx.get(f"{address}/health").status_code == 200
        start = time.monotonic()
        process.send_signal(signal.SIGINT)
        said, _ = process.communicate(timeout=20)
    assert time.monotonic() - start < 8
    assert process.returncode == 0
    assert said == "The server has stopped.\n"


def test_a_checkpoint_is_served_until_it_is_told_to_end(best: Path) -> None:
    port = free_port()
    process = ForkedProgram(["serve", str(best), f"--port={port}"])
    deadline, answer = time.monotonic() + 60, None
    while answer is None and time.monotonic() < deadline:
        try:
            files = {"image": image_file()}
            answer = httpx.post(f"http://localhost:{port}/predict", files=files, timeout=30).json()
        except httpx.ConnectError:
            time.sleep(0.05)
    process.send_signal(signal.SIGTERM)
    said, _ = process.communicate(timeout=20)
    assert answer is not None, said
    assert list(answer["tasks"]["kind"]["probabilities"]) == ["cat", "dog", "häst <b>"]
    assert answer["tasks"]["size"]["unit"] == "mm"
    assert process.returncode == 0
    assert said.splitlines()[-1] == "The server has stopped."


def test_a_checkpoint_and_its_onnx_file_answer_alike(best: Path, onnx: Path) -> None:
    from after.made_models import pixels

    images = {"image": pixels(3).numpy()}
    first, second = (served_model.open_model(each) for each in (best, onnx))
    assert first.image_format == second.image_format
    for name, values in first(images).items():
        assert second(images)[name] == pytest.approx(values, rel=1e-4)


def test_where_it_serves(best: Path, fails: Callable[..., str]) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        assert "another program is using this port of 127.0.0.1" in fails(
            "serve", str(best), f"--port={port}"
        )
    assert "give a number from 1 to 65535" in fails("serve", str(best), "--port=65536")
    for port_text in ("-1", "x", "8000.5", "٣", "9" * 5000):
        assert "--port" in fails("serve", str(best), f"--port={port_text}")
    for host in ("1.2.3.4", "no.such.host.invalid", "x" * 300, "."):
        assert "this machine has no such address" in fails("serve", str(best), f"--host={host}")


def test_a_port_of_the_administrator(
    best: Path, fails: Callable[..., str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(socket.socket, "bind", refuse)
    assert "from 1024 to 65535" in fails("serve", str(best), "--port=80")


def test_what_it_serves(best: Path, onnx: Path, tmp_path: Path, fails: Callable[..., str]) -> None:
    assert "no such checkpoint" in fails("serve", "none.ckpt", "--port=0")
    assert "there is no file none.onnx" in fails("serve", "none.onnx", "--port=0")
    (tmp_path / "photo.png").write_bytes(image_file())
    assert "photo.png" in fails("serve", "photo.png", "--port=0")
    assert "runs on the CPU" in fails("serve", str(onnx), "--device=cuda", "--port=0")
    assert "the device nonsense cannot" in fails(
        "serve", str(best), "--device=nonsense", "--port=0"
    )
    assert "serve expects one checkpoint" in fails("serve")
    assert "no such setting" in fails("serve", str(best), "--wating=5")
    assert "give a whole number above 0" in fails("serve", str(best), "--waiting=1.5")
    assert "give a number above 0" in fails("serve", str(best), "--seconds=0")
    assert "write it without a value" in fails("serve", str(best), "--trust=true")


@pytest.mark.parametrize("missing", ["fastapi", "uvicorn", "python_multipart"])
def test_what_it_needs(
    best: Path, missing: str, fails: Callable[..., str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, missing, None)
    assert f"package {missing}" in (said := fails("serve", str(best)))
    assert "pip install 'multitask[serve]'" in said


def test_who_can_reach_it(best: Path, capsys: pytest.CaptureFixture[str]) -> None:
    main(["serve", str(best), "--host=0.0.0.0", "--port=0"])
    assert "Anyone who can reach this machine can use the model" in capsys.readouterr().out
    main(["serve", str(best), "--host=localhost", "--port=0"])
    assert "Whoever" not in capsys.readouterr().out


def test_the_commands_of_the_page(
    best: Path, onnx: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    section = PAGE.read_text().partition("\n## Serve\n")[2].partition("\n## ")[0]
    commands = re.findall(r"^multitask (.*)$", section, re.MULTILINE)
    shutil.copy(best, tmp_path / "best.ckpt")
    shutil.copy(onnx, tmp_path / "model.onnx")
    for each in commands:
        port = f"--port={free_port()}"
        main([*each.split(), *([] if "--port" in each else [port])])
        assert "Serving " in capsys.readouterr().out
    assert len(commands) == 2
    written = set(re.findall(r"--(\w+)=", usage("serve"))) | {"trust"}
    assert set(re.findall(r"`--(\w+)[=`]", section)) == written
    for name, value in vars(Limits()).items():
        assert f"`--{name}={value:g}`" in section
        assert f"--{name}={value:g}]" in usage("serve")
