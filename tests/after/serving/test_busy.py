"""Many clients at once, slow ones, and slow models: nobody waits for ever."""

from __future__ import annotations

import asyncio
import threading
import time
from collections import Counter
from collections.abc import AsyncIterator

import httpx
import pytest
from after.serving.stand_in_model import (
    StandInModel,
    ask,
    client,
    image_file,
    refused,
    send,
    served,
)
from starlette.types import ASGIApp

from multitask.after.serving.limits import Limits
from multitask.errors import InputError

FILES = {"image": image_file()}
FORM = {"content-type": "multipart/form-data; boundary=x"}


class SlowModel(StandInModel):
    """Takes its time once it serves, and notes how many use it at once."""

    def __init__(self, seconds: float) -> None:
        super().__init__(self._take_time)
        self.seconds, self.users, self.most = seconds, 0, 0
        self.may_end = threading.Event()
        self.may_end.set()

    def _take_time(self) -> None:
        if not self.seen:
            return
        self.users += 1
        self.most = max(self.most, self.users)
        time.sleep(self.seconds)
        self.may_end.wait(30)
        self.users -= 1


async def crowd(app: ASGIApp, clients: int) -> list[httpx.Response]:
    async with client(app) as asking:
        posts = (asking.post("/predict", files=FILES) for _ in range(clients))
        return await asyncio.gather(*posts)


def test_many_clients_are_answered_one_after_the_other() -> None:
    model = SlowModel(0.005)
    found = asyncio.run(crowd(served(model), 32))
    assert {each.status_code for each in found} == {200}
    assert model.most == 1


async def crowd_at_a_model_that_waits(
    app: ASGIApp, model: SlowModel, clients: int, refused: int
) -> list[httpx.Response]:
    """Clients of a model that answers nobody before so many others are refused."""
    model.may_end.clear()
    async with client(app) as asking, asyncio.timeout(30):
        posts = [
            asyncio.ensure_future(asking.post("/predict", files=FILES)) for _ in range(clients)
        ]
        while sum(each.done() for each in posts) < refused:
            await asyncio.sleep(0.01)
        model.may_end.set()
        return await asyncio.gather(*posts)


def test_clients_that_are_too_many_are_told_when_to_come_again() -> None:
    model = SlowModel(0)
    app = served(model, waiting=4)
    found = asyncio.run(crowd_at_a_model_that_waits(app, model, 32, 28))
    assert Counter(each.status_code for each in found) == {200: 4, 503: 28}
    for each in found:
        if each.status_code == 503:
            assert each.headers["retry-after"] == "1"
            assert "busy" in refused(each, 503)
    # Places are free again.
    assert {each.status_code for each in asyncio.run(crowd(app, 4))} == {200}


def test_other_routes_answer_meanwhile() -> None:
    model = SlowModel(0)
    app = served(model, waiting=1)
    model.may_end.clear()

    async def meanwhile() -> tuple[httpx.Response, httpx.Response]:
        async with client(app) as asking:
            waiting = asyncio.create_task(asking.post("/predict", files=FILES))
            while not model.users:
                await asyncio.sleep(0.005)
            health = await asking.get("/health")
            model.may_end.set()
            return health, await waiting

    assert [each.status_code for each in asyncio.run(meanwhile())] == [200, 200]


def test_a_model_that_takes_too_long() -> None:
    model = SlowModel(0)
    app = served(model, waiting=2, seconds=0.1)
    model.may_end.clear()
    # One is computed, one waits; then both places are taken until the thread is free.
    assert [each.status_code for each in asyncio.run(crowd(app, 2))] == [503, 503]
    model.may_end.set()
    deadline = time.monotonic() + 20
    while send(app, image_file()).status_code == 503:
        assert time.monotonic() < deadline
        time.sleep(0.01)
    # The one that waited was given up before its turn: the trial, the first, and the last.
    assert len(model.seen) == 3


def test_a_client_that_stops_sending() -> None:
    async def parts() -> AsyncIterator[bytes]:
        yield b'--x\r\nContent-Disposition: form-data; name="image"; filename="a"\r\n\r\n'
        await asyncio.sleep(30)

    app = served(waiting=1, seconds=0.2)
    start = time.monotonic()
    found = ask(app, "/predict", "POST", content=parts(), headers=FORM)
    assert "did not arrive within 0.2 s" in refused(found, 408)
    assert time.monotonic() - start < 10
    assert send(app, image_file()).status_code == 200


@pytest.mark.parametrize("name", ["megabytes", "megapixels", "waiting", "seconds"])
@pytest.mark.parametrize("value", [0, -1, float("nan"), float("inf")])
def test_limits_that_make_no_sense(name: str, value: float) -> None:
    with pytest.raises(InputError, match=f"--{name}=.*: give a number above 0"):
        Limits(**{name: value})  # type: ignore[arg-type]
