"""A client connection that is closed if the client keeps the server waiting."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol

SILENCE = 10.0
"""Seconds in which a request must begin, and in which a rejected one must end."""
MOST = 256
"""Most simultaneous connections; the system has files for some more."""


class Connection(H11Protocol):
    """HTTP with limits on the time and number of clients that wait without a request."""

    _timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Start waiting for a request, or reject a client that exceeds the limit."""
        super().connection_made(transport)
        if len(self.connections) > MOST:
            transport.write(_written(503, "the server is busy; try again in a second"))
            transport.close()
            return
        self._watch()

    def connection_lost(self, exc: Exception | None) -> None:
        """Stop waiting."""
        self._stop_waiting()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Process incoming data; the time limit of the headers does not restart with each byte."""
        super().data_received(data)
        self._watch()

    def send_400_response(self, msg: str) -> None:
        """Respond to data that is not HTTP."""
        if self.conn.our_state in (h11.IDLE, h11.SEND_RESPONSE):
            self.transport.write(_written(400, "the request is not HTTP that this server supports"))
        self.transport.close()

    def _watch(self) -> None:
        is_answering = self.cycle is not None and not self.cycle.response_complete
        if is_answering or self.transport.is_closing():
            self._stop_waiting()
        elif self._timer is None:
            self._timer = self.loop.call_later(SILENCE, self.transport.close)

    def _stop_waiting(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None


def _written(status: int, sentence: str) -> bytes:
    body = json.dumps({"error": sentence}).encode()
    heads: dict[str, Any] = {
        "Content-Type": "application/json",
        "Content-Length": len(body),
        "Connection": "close",
        **({"Retry-After": 1} if status == 503 else {}),
    }
    lines = [f"HTTP/1.1 {status} ", *(f"{name}: {value}" for name, value in heads.items())]
    return "\r\n".join([*lines, "", ""]).encode() + body
