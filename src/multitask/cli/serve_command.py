"""``multitask serve``: a trained model behind a web page and an HTTP route."""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Sequence
from pathlib import Path

from multitask.after.serving.limits import Limits
from multitask.cli.options import read_options
from multitask.configuration.extras import require
from multitask.errors import InputError, settings_blamed
from multitask.runs.log_file import say

PACKAGES = ("fastapi", "uvicorn", "python_multipart")
HERE, PORT = "127.0.0.1", "8000"


def serve_command(arguments: Sequence[str]) -> None:
    """Serve predictions for images until the user stops the program.

    Args:
        arguments: arguments after the verb.

    Raises:
        InputError: if an argument or the model is invalid, or the address is unavailable.
    """
    defaults = Limits()
    given = read_options(
        "serve",
        "one checkpoint or ONNX file",
        arguments,
        **{"host": HERE, "port": PORT, "device": None, "trust": False, **vars(defaults)},
    )
    limits = _limits(given, defaults)
    for package in PACKAGES:
        require(package, "serve")
    _serve(given, limits)


def _serve(given: Namespace, limits: Limits) -> None:
    from multitask.after.serving.app import make_app
    from multitask.after.serving.served_model import open_model
    from multitask.after.serving.server import (
        address_of,
        bound_socket,
        is_local,
        listen,
        make_server,
    )
    from multitask.after.serving.service import Service

    path = Path(given.subject)
    if not (given.port.isascii() and given.port.isdigit() and len(given.port) < 10):
        raise InputError(f"--port={given.port}: give a number, such as {PORT}")
    with bound_socket(given.host, int(given.port)) as found:
        model = open_model(path, given.trust, given.device)
        with settings_blamed(f"{path}: its model cannot be used"):
            service = Service(model, path.name, limits)
        listen(found)
        say(f"Serving {path} on {address_of(found)} (press Ctrl-C to stop)")
        if not is_local(found):
            say("Anyone who can reach this machine can use the model; there is no authentication.")
        make_server(make_app(service, is_local(found))).run(sockets=[found])
    say("The server has stopped.")


def _limits(given: Namespace, defaults: Limits) -> Limits:
    values = {}
    for name, default in vars(defaults).items():
        try:
            values[name] = type(default)(getattr(given, name))
        except ValueError:
            kind = "whole number" if isinstance(default, int) else "number"
            raise InputError(f"--{name}={getattr(given, name)}: give a {kind} above 0") from None
    return Limits(**values)
