"""Checks before every route: who may send requests, what browsers may do, and error handling."""

from __future__ import annotations

import sys
from ipaddress import ip_address
from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from multitask.after.serving.limits import Refusal
from multitask.after.serving.responses import answer, failure
from multitask.errors import one_line

SAFE = ("GET", "HEAD", "OPTIONS")
"""Methods that change nothing and are cheap."""
HEADERS = {
    "Cache-Control": "no-store",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}


class Guard:
    """Reject requests from other pages in a user's browser, and respond to internal errors.

    A page on the internet can also make a browser send requests to ``127.0.0.1``: under its own
    name, which it resolves to that address (visible in the ``Host`` header), or from its own
    address (``Origin``).

    Args:
        app: the application that handles requests.
        policy: the content security policy of its pages.
        is_local: whether only this machine can send requests, under its own names.
    """

    def __init__(self, app: ASGIApp, policy: str, is_local: bool) -> None:
        self.app, self.is_local = app, is_local
        self.headers = {**HEADERS, "Content-Security-Policy": policy}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Respond to a request."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        has_begun = False

        async def send_guarded(message: Message) -> None:
            nonlocal has_begun
            if message["type"] == "http.response.start":
                has_begun = True
                MutableHeaders(scope=message).update(self.headers)
            await send(message)

        try:
            self._check(scope)
            await self.app(scope, receive, send_guarded)
        except ClientDisconnect:
            return
        except Exception as error:
            if not isinstance(error, Refusal):
                told = one_line(f"{type(error).__name__}: {error}")
                print(f"multitask: a request failed: {told}", file=sys.stderr, flush=True)
            if not has_begun:
                response = answer(error) if isinstance(error, Refusal) else failure()
                await response(scope, receive, send_guarded)

    def _check(self, scope: Scope) -> None:
        headers = Headers(scope=scope)
        host = headers.get("host", "")
        if self.is_local and not _is_of_this_machine(host):
            raise Refusal(403, "this server answers only this machine, as localhost or 127.0.0.1")
        if scope["method"] in SAFE:
            return
        origin, site = headers.get("origin"), headers.get("sec-fetch-site", "none")
        is_foreign = origin is not None and _place(origin) != host.lower()
        if is_foreign or site not in ("same-origin", "none"):
            raise Refusal(403, "this server answers its own page, not those of other sites")


def _is_of_this_machine(host: str) -> bool:
    try:
        name = urlsplit(f"//{host}").hostname or ""
        return name == "localhost" or ip_address(name).is_loopback
    except ValueError:
        return False


def _place(origin: str) -> str:
    try:
        return urlsplit(origin).netloc.lower()
    except ValueError:
        return ""
