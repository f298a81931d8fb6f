"""What pytest and its workers, processes of pytest-xdist, do once instead of again and again."""

from __future__ import annotations

import atexit
import gc
import os
import sys
from collections.abc import Callable
from functools import partial
from typing import Any

import pytest
from cli import fork_server

QUICK = 0.1
"""Seconds; if it takes longer to prepare a test or to clear away, that is reported."""

# Python's collector looks at all objects again and again. What is made while tests are collected
# stays: libraries, tests and their parameters.
gc.disable()


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node: Any) -> None:
    """All workers fork processes off one server."""
    # From Python 3.14 on, a server wants a key, which only the process that started it has.
    if sys.version_info < (3, 14):
        cache = node.config._tmp_path_factory.getbasetemp() / "image_cache"
        variables = {"WANDB_MODE": "disabled", "MULTITASK_CACHE": str(cache)}
        node.workerinput["fork_server"] = fork_server.start(**variables)


def pytest_sessionstart(session: pytest.Session) -> None:
    """A worker sends few messages."""
    for plugin in session.config.pluginmanager.get_plugins():
        if type(plugin).__name__ == "WorkerInteractor":
            plugin.sendevent = partial(_send_what_counts, plugin.sendevent)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with the slow tests, dealt out to the workers, each of which gets an equal part."""
    slow = [item for item in items if item.get_closest_marker("slow")]
    fast = [item for item in items if not item.get_closest_marker("slow")]
    workers = int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", "1"))
    ordered: list[pytest.Item] = []
    for worker in range(workers):
        part = (len(items) - len(ordered)) // (workers - worker)
        mine = slow[worker::workers]
        ordered += [*mine, *(fast.pop(0) for _ in range(min(len(fast), part - len(mine))))]
    items[:] = ordered + fast


def pytest_collection_finish() -> None:
    gc.freeze()
    fork_server.look_for_garbage_less_often()
    gc.enable()


@pytest.hookimpl(tryfirst=True)
def pytest_warning_recorded(warning_message: Any) -> None:
    """Any warning becomes a plain one, for which nobody imports the library that it is from."""
    kind = warning_message.category
    if kind is not None and kind.__module__ != "builtins":
        warning_message.message = UserWarning(f"{kind.__name__}: {warning_message.message}")
        warning_message.category = UserWarning


def pytest_sessionfinish() -> None:
    # At its end, pytest looks for garbage twice, in all that there is.
    gc.freeze()


def pytest_unconfigure(config: pytest.Config) -> None:
    if hasattr(config, "workerinput"):
        atexit.register(_leave)
    else:
        # Libraries complain of what is still there at the end.
        gc.unfreeze()


def _send_what_counts(send: Callable[..., None], name: str, **event: Any) -> None:
    """Send one message for a test instead of five: that it begins, is prepared, and so on."""
    report = event["data"] if name == "testreport" else {"when": "call"}
    is_plain = report["when"] != "call" and report["outcome"] == "passed"
    if name not in ("logstart", "logfinish") and not (is_plain and report["duration"] < QUICK):
        send(name, **event)


def _leave() -> None:
    """End a worker as the program ends: Python would free all objects, which takes seconds."""
    atexit.unregister(_leave)
    atexit._run_exitfuncs()
    os._exit(0)
