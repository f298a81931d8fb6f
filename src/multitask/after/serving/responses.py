"""Answers in the forms that HTTP brings, whatever characters a model's names have."""

from __future__ import annotations

import json
from typing import Any

from starlette.responses import HTMLResponse, JSONResponse

from multitask.after.serving.limits import Refusal


class PlainJSON(JSONResponse):
    """JSON in ASCII, in which every name can be written."""

    def render(self, content: Any) -> bytes:
        """Write it."""
        return json.dumps(content, allow_nan=False, separators=(",", ":")).encode("ascii")


class Page(HTMLResponse):
    """A page, with question marks for bytes that are not characters."""

    def render(self, content: Any) -> bytes:
        """Write it."""
        return str(content).encode("utf-8", "replace")


def answer(refusal: Refusal) -> PlainJSON:
    """A refusal as a response."""
    return PlainJSON({"error": refusal.sentence}, refusal.status, refusal.headers)


def failure() -> PlainJSON:
    """What a client reads of an error inside the server, which prints more of it."""
    return answer(Refusal(500, "the server failed at this request; what it printed tells more"))
