"""A single thread that decodes and predicts, so that only one image uses memory and cores."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future
from queue import SimpleQueue
from threading import Thread
from typing import Any, TypeVar

Result = TypeVar("Result")
Work = tuple[Future[Any], Callable[..., Any], tuple[Any, ...]]


class Worker:
    """Execute tasks one after the other.

    Unlike the threads of an executor, it does not keep the program from exiting.
    """

    def __init__(self) -> None:
        self._work: SimpleQueue[Work | None] = SimpleQueue()
        Thread(target=self._run, name="images", daemon=True).start()

    def submit(self, function: Callable[..., Result], *arguments: Any) -> Future[Result]:
        """Submit a function call.

        Args:
            function: function to call; it is skipped if the future is cancelled before its turn.
            arguments: arguments of the function.

        Returns:
            A future with the result or the error.
        """
        future: Future[Result] = Future()
        self._work.put((future, function, arguments))
        return future

    def stop(self) -> None:
        """Stop once all submitted calls have finished."""
        self._work.put(None)

    def _run(self) -> None:
        while (work := self._work.get()) is not None:
            future, function, arguments = work
            if not future.set_running_or_notify_cancel():
                continue
            try:
                future.set_result(function(*arguments))
            except BaseException as error:
                future.set_exception(error)
            # Otherwise the last image would stay in memory until the next one arrives.
            del work, future, function, arguments
