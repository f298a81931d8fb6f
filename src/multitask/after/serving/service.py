"""A model that answers for image files, a bounded number of them at the same time."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from concurrent.futures import Future
from dataclasses import replace
from io import BytesIO
from threading import Semaphore
from typing import Any, BinaryIO

from PIL import Image

from multitask.after.serving.answers import Answer, answers
from multitask.after.serving.limits import Limits, Refusal, busy
from multitask.after.serving.served_model import ServedModel
from multitask.after.serving.worker import Worker
from multitask.images.decoding import UnusableImage, decode


class Service:
    """Decodes and computes outside of the event loop, one image after the other.

    Args:
        model: what predicts; it is tried once.
        name: of its file.
        limits: what is refused.
    """

    def __init__(self, model: ServedModel, name: str, limits: Limits) -> None:
        self.model, self.limits = model, limits
        # Names of files need not be texts.
        self.name = name.encode("utf-8", "backslashreplace").decode()
        most_pixels = min(model.format.most_pixels, limits.pixels)
        self.format = replace(model.format, most_pixels=most_pixels)
        self.worker = Worker()
        self._places = Semaphore(limits.waiting)
        # What is slow at first is imported now.
        self.example = self._answer(_black())

    def description(self) -> Answer:
        """See `multitask.after.serving.schema.Description`."""
        told = self.model.description
        return {
            "model": self.name,
            "inputs": told["inputs"],
            "tasks": told["tasks"],
            "limits": vars(self.limits),
        }

    async def answer(self, receive: Callable[[], Awaitable[BinaryIO]]) -> Answer:
        """Answer for a file, or refuse it.

        Args:
            receive: receives it; it is closed here.

        Returns:
            See `multitask.after.serving.schema.Prediction`.

        Raises:
            Refusal: if there are too many others, the model cannot take the image, or the time is
                over.
        """
        if not self._places.acquire(blocking=False):
            raise busy()
        try:
            async with asyncio.timeout(self.limits.seconds):
                file = await receive()
        except BaseException as error:
            self._places.release()
            if isinstance(error, TimeoutError):
                seconds = f"{self.limits.seconds:g} s"
                raise Refusal(408, f"the file did not arrive within {seconds}") from None
            raise
        future = self.worker.submit(self._answer, file)

        def finish(_: Future[Answer]) -> None:
            file.close()
            self._places.release()

        # Not before the thread has let go of it, even if nobody waits for the answer any more.
        future.add_done_callback(finish)
        try:
            async with asyncio.timeout(self.limits.seconds):
                return await asyncio.wrap_future(future)
        except TimeoutError:
            raise busy() from None

    def _answer(self, file: BinaryIO) -> Answer:
        try:
            pixels, (height, width) = decode(file, self.format)
        except UnusableImage as error:
            raise self._unusable(error) from None
        except MemoryError:
            raise Refusal(413, "the image needs more memory than the server has") from None
        found: dict[str, Any] = answers(self.model.description, self.model(pixels[None]))
        return {"tasks": found, "height": height, "width": width}

    def _unusable(self, error: UnusableImage) -> Refusal:
        if error.kind == "huge_image":
            most = f"{self.format.most_pixels:,}"
            return Refusal(
                422, f"the image has more pixels than this server takes, which are {most}"
            )
        return Refusal(422, f"the file cannot be read as an image: {error.reason}")


def _black() -> BinaryIO:
    file = BytesIO()
    Image.new("L", (1, 1)).save(file, format="png")
    file.seek(0)
    return file
