"""The server process: its address, its connections, and its shutdown."""

from __future__ import annotations

import errno
import logging
import signal
import socket
import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from ipaddress import ip_address

import uvicorn
from starlette.types import ASGIApp

from multitask.after.serving.connection import Connection
from multitask.errors import InputError

LAST_PORT = 65_535
BACKLOG = 128
PATIENCE = 2
"""Seconds that responses may still take during shutdown."""
HERE = "127.0.0.1"


def bound_socket(host: str, port: int) -> socket.socket:
    """Bind an address, before any slow step.

    Args:
        host: a name or an address of this machine.
        port: port; 0 for any free one.

    Raises:
        InputError: if it cannot be bound.
    """
    if not 0 <= port <= LAST_PORT:
        raise InputError(f"--port={port}: give a number from 1 to {LAST_PORT}, or 0 for a free one")
    try:
        kind, *_, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        # With the protocol, so that asyncio disables the 40 ms delay of small packets.
        found = socket.socket(kind, socket.SOCK_STREAM, socket.IPPROTO_TCP)
        # Otherwise the port would stay in use for a minute after the server has ended.
        found.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        found.bind(address)
    except (OSError, UnicodeError) as error:
        raise _refused(error, host, port) from error
    return found


def listen(found: socket.socket) -> None:
    """Start accepting connections.

    Raises:
        InputError: if another program has bound the address in the meantime.
    """
    try:
        found.listen(BACKLOG)
    except OSError as error:
        host, port = found.getsockname()[:2]
        raise _refused(error, host, port) from error


def address_of(found: socket.socket) -> str:
    """The address of the server for a browser."""
    host, port = found.getsockname()[:2]
    is_anywhere = ip_address(host).is_unspecified
    name = socket.gethostname() if is_anywhere else f"[{host}]" if ":" in host else host
    return f"http://{name}:{port}"


def is_local(found: socket.socket) -> bool:
    """Whether only this machine can connect."""
    return ip_address(found.getsockname()[0]).is_loopback


def make_server(app: ASGIApp) -> uvicorn.Server:
    """Create a server that runs until a signal arrives or ``should_exit`` is set.

    Args:
        app: the application that handles requests.
    """
    # Responses report broken requests, and the guard reports failures.
    for name in ("uvicorn.error", "python_multipart"):
        logging.getLogger(name).setLevel(logging.CRITICAL)
    # These are about damaged files, which are reported in the response.
    warnings.filterwarnings("ignore", module=r"PIL\.")
    config = uvicorn.Config(
        app,
        http=Connection,
        ws="none",
        loop="asyncio",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,
        backlog=BACKLOG,
        timeout_graceful_shutdown=PATIENCE,
    )
    return _Server(config)


class _Server(uvicorn.Server):
    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Shut down on a signal, which uvicorn would raise again at the end."""
        if threading.current_thread() is not threading.main_thread():
            yield
            return
        signals = (signal.SIGINT, signal.SIGTERM)
        before = {each: signal.signal(each, self.handle_exit) for each in signals}
        try:
            yield
        finally:
            for each, handler in before.items():
                signal.signal(each, handler)


def _refused(error: Exception, host: str, port: int) -> InputError:
    number = getattr(error, "errno", None)
    if isinstance(error, socket.gaierror | UnicodeError) or number == errno.EADDRNOTAVAIL:
        return InputError(
            f"--host={host}: this machine has no such address; give {HERE} for this machine alone, "
            "or 0.0.0.0 for all that can reach it"
        )
    if number == errno.EADDRINUSE:
        return InputError(
            f"--port={port}: another program is using this port of {host}; give another one, or "
            "--port=0 for one that is free"
        )
    if number in (errno.EACCES, errno.EPERM):
        return InputError(
            f"--port={port}: only the administrator may use this port; give one from 1024 to "
            f"{LAST_PORT}"
        )
    return InputError(f"--host={host} --port={port}: {error}")
