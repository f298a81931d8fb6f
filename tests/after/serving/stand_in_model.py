"""A model of every kind of task, whose answers a test decides, and ways to ask its server."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from io import BytesIO
from threading import Thread
from typing import Any

import httpx
import numpy as np
from PIL import Image
from starlette.types import ASGIApp

from multitask.after.serving.app import make_app
from multitask.after.serving.limits import Limits
from multitask.after.serving.server import address_of, bound_socket, listen, make_server
from multitask.after.serving.service import Service
from multitask.images.format import ImageFormat

CALIBRATION = {"spread": [0.5], "quantile": [1.0], "level": 0.9}
SPECIES = ["cat", "dog", "häst <b>", "cow", "sow", "ewe", "bat"]
HEIGHT, WIDTH = 6, 8
ADDRESS = "http://localhost:8000"
Pixels = np.ndarray[Any, Any]


class StandInModel:
    """Predicts a class, a number, a vector, a map of classes and one of numbers.

    Args:
        doing: what it does whenever it is asked, such as waiting.
    """

    takes = ["image"]  # noqa: RUF012
    image_format = ImageFormat(HEIGHT, WIDTH, 3)
    written: dict[str, Any] = {}  # noqa: RUF012
    takes_missing = False
    description: dict[str, Any] = {  # noqa: RUF012
        "inputs": {"image": {"height": HEIGHT, "width": WIDTH, "channels": 3}},
        "tasks": {
            "species": {"kind": "Classification", "classes": SPECIES},
            "weight": {"kind": "Regression", "unit": "kg", "calibration": CALIBRATION},
            "position": {"kind": "Regression", "elements": ["x", "y"], "unit": "mm"},
            "parts": {"kind": "Segmentation", "classes": ["ground", "animal", "sky"]},
            "depth": {"kind": "DenseRegression", "unit": "m"},
        },
    }

    def __init__(self, doing: Callable[[], object] = int) -> None:
        self.doing = doing
        self.seen: list[Pixels] = []

    def __call__(self, inputs: dict[str, Pixels]) -> dict[str, Pixels]:
        """See `multitask.after.serving.served_model.ServedModel`."""
        pixels = inputs["image"]
        self.doing()
        self.seen.append(pixels)
        assert pixels.shape == (1, 3, HEIGHT, WIDTH)
        parts = np.zeros((1, 3, HEIGHT, WIDTH), np.float32)
        parts[:, 0, :3], parts[:, 1, 3:] = 1, 0.75
        depth = np.arange(HEIGHT * WIDTH, dtype=np.float32).reshape(1, 1, HEIGHT, WIDTH)
        return {
            "species": np.array([[0.5, 0.2, 0.1, 0.1, 0.05, 0.05, 0]], np.float32),
            "species.entropy": np.array([1.375], np.float32),
            "weight": np.array([[4.25]], np.float32),
            "weight.deviation": np.array([[0.5]], np.float32),
            "weight.low": np.array([[3.25]], np.float32),
            "weight.high": np.array([[5.25]], np.float32),
            "position": np.array([[1.5, np.nan]], np.float32),
            "parts": parts,
            "depth": depth,
        }


def image_file(size: tuple[int, int] = (20, 10), kind: str = "png", mode: str = "RGB") -> bytes:
    """An image file, its size width and height."""
    file = BytesIO()
    Image.new(mode, size).save(file, format=kind)
    return file.getvalue()


def served(model: Any = None, is_local: bool = True, **limits: Any) -> ASGIApp:
    """The routes of a model."""
    return make_app(Service(model or StandInModel(), "best.ckpt", Limits(**limits)), is_local)


def client(app: ASGIApp) -> httpx.AsyncClient:
    """What asks an app in this process; it waits for answers as long as the app takes."""
    transport = httpx.ASGITransport(app)
    return httpx.AsyncClient(transport=transport, base_url=ADDRESS, timeout=30)


def ask(app: ASGIApp, path: str, method: str = "GET", **options: Any) -> httpx.Response:
    """Ask once."""

    async def once() -> httpx.Response:
        async with client(app) as asking:
            return await asking.request(method, path, **options)

    return asyncio.run(once())


def send(app: ASGIApp, content: bytes, name: str = "photo.png", **options: Any) -> httpx.Response:
    """Send a file."""
    return ask(app, "/predict", "POST", files={"image": (name, content)}, **options)


def refused(response: httpx.Response, status: int) -> str:
    """The one sentence of a refusal."""
    assert response.status_code == status, response.text
    assert response.headers["content-type"] == "application/json"
    assert list(response.json()) == ["error"]
    sentence = response.json()["error"]
    assert "\n" not in sentence
    assert "Traceback" not in sentence
    return sentence


@contextmanager
def running(app: ASGIApp) -> Iterator[str]:
    """A server in a thread of this process; gives its address."""
    with bound_socket("127.0.0.1", 0) as found:
        listen(found)
        address = address_of(found)
        server = make_server(app)
        thread = Thread(target=server.run, kwargs={"sockets": [found]}, daemon=True)
        thread.start()
        while not server.started:
            time.sleep(0.01)
        yield address
        server.should_exit = True
        thread.join(20)
        assert not thread.is_alive()
