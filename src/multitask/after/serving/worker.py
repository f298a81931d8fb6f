"""One thread that decodes and computes, so that one image at a time takes memory and cores."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future
from queue import SimpleQueue
from threading import Thread
from typing import Any, TypeVar

Result = TypeVar("Result")
Work = tuple[Future[Any], Callable[..., Any], tuple[Any, ...]]


class Worker:
    """Does pieces of work, one after the other.

    Unlike the threads of an executor, it does not keep the program from ending.
    """

    def __init__(self) -> None:
        self._work: SimpleQueue[Work | None] = SimpleQueue()
        Thread(target=self._run, name="images", daemon=True).start()

    def submit(self, function: Callable[..., Result], *arguments: Any) -> Future[Result]:
        """Have something done.

        Args:
            function: what to do; it is left out if the future is cancelled before its turn.
            arguments: of the function.

        Returns:
            What will hold the result, or the error.
        """
        future: Future[Result] = Future()
        self._work.put((future, function, arguments))
        return future

    def stop(self) -> None:
        """End once what was submitted is done."""
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
            # Else the last image would stay in memory until the next one comes.
            del work, future, function, arguments
