"""HTTP responses that support any characters in a model's names."""

from __future__ import annotations

import json
from typing import Any

from starlette.responses import HTMLResponse, JSONResponse

from multitask.after.serving.limits import Refusal


class PlainJSON(JSONResponse):
    """JSON in ASCII, which can represent every name."""

    def render(self, content: Any) -> bytes:
        """Encode the content."""
        return json.dumps(content, allow_nan=False, separators=(",", ":")).encode("ascii")


class Page(HTMLResponse):
    """A page, with question marks for invalid characters."""

    def render(self, content: Any) -> bytes:
        """Encode the content."""
        return str(content).encode("utf-8", "replace")


def answer(refusal: Refusal) -> PlainJSON:
    """The response for a rejection."""
    return PlainJSON({"error": refusal.sentence}, refusal.status, refusal.headers)


def failure() -> PlainJSON:
    """The response for an internal error; the server logs the details."""
    return answer(Refusal(500, "the server failed at this request; its output has the details"))
