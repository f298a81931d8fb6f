"""A model that predicts for requests, with a limit on simultaneous ones."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from concurrent.futures import Future
from dataclasses import replace
from io import BytesIO
from threading import Semaphore
from typing import Any, BinaryIO

from PIL import Image

from multitask.after.serving.answers import Answer, answers
from multitask.after.serving.limits import Limits, Refusal, busy
from multitask.after.serving.served_model import Arrays, ServedModel
from multitask.after.serving.upload import FIELD, Sent, Uploads
from multitask.after.serving.worker import Worker
from multitask.errors import InputError
from multitask.images.decoding import UnusableImage, decode
from multitask.images.format import ImageFormat

CUT = "the text is longer than the model reads: its end is ignored"


class Service:
    """Decode and predict outside the event loop, one request after the other.

    Args:
        model: the model; it is tested once.
        name: name of its file.
        limits: limits for requests.
    """

    def __init__(self, model: ServedModel, name: str, limits: Limits) -> None:
        self.model, self.limits = model, limits
        # File names may contain bytes that are not text.
        self.name = name.encode("utf-8", "backslashreplace").decode()
        self.format = _limited(model.image_format, limits)
        values = {name: each.example() for name, each in model.written.items()}
        self.uploads = Uploads(values, self.format is not None, limits)
        self.worker = Worker()
        self._places = Semaphore(limits.waiting)
        # Import slow modules now.
        self.example = self._answer(Sent(None if self.format is None else _black(), values))

    def description(self) -> Answer:
        """See `multitask.after.serving.schema.Description`."""
        told = self.model.description
        return {
            "model": self.name,
            "takes": list(self.model.takes),
            "inputs": {name: _without_files(each) for name, each in told["inputs"].items()},
            "tasks": told["tasks"],
            "limits": vars(self.limits),
        }

    async def answer(self, receive: Callable[[], Awaitable[Sent]]) -> Answer:
        """Predict for a request, or reject it.

        Args:
            receive: receives the request, whose file is closed here.

        Returns:
            See `multitask.after.serving.schema.Prediction`.

        Raises:
            Refusal: if there are too many requests, the model does not accept it, or time runs out.
        """
        if not self._places.acquire(blocking=False):
            raise busy()
        try:
            async with asyncio.timeout(self.limits.seconds):
                sent = await receive()
        except BaseException as error:
            self._places.release()
            if isinstance(error, TimeoutError):
                seconds = f"{self.limits.seconds:g} s"
                raise Refusal(408, f"the request did not arrive within {seconds}") from None
            raise
        future = self.worker.submit(self._answer, sent)

        def finish(_: Future[Answer]) -> None:
            sent.close()
            self._places.release()

        # Not before the thread has released it, even if the client no longer waits.
        future.add_done_callback(finish)
        try:
            async with asyncio.timeout(self.limits.seconds):
                return await asyncio.wrap_future(future)
        except TimeoutError:
            raise busy() from None

    def _answer(self, sent: Sent) -> Answer:
        pixels, (height, width) = None, (None, None)
        if sent.file is not None and self.format is not None:
            try:
                pixels, (height, width) = decode(sent.file, self.format)
            except UnusableImage as error:
                raise self._unusable(error) from None
            except MemoryError:
                raise Refusal(413, "the image needs more memory than the server has") from None
        inputs, remarks = self._inputs(pixels, sent.values)
        found: dict[str, Any] = answers(self.model.description, self.model(inputs))
        return {"tasks": found, "height": height, "width": width, "remarks": remarks}

    def _inputs(self, pixels: Any, values: Mapping[str, Any]) -> tuple[Arrays, list[str]]:
        """The model's inputs, and remarks on them."""
        if not self.model.written:
            return {FIELD: pixels[None]}, []
        # It needs PyTorch, which a model with only an image input does not.
        from multitask.after.inputs.made_inputs import made_inputs
        from multitask.after.inputs.table_columns import without

        try:
            cells = {
                name: {column: [cell] for column, cell in each.cells_of(values.get(name)).items()}
                for name, each in self.model.written.items()
            }
        except InputError as error:
            raise Refusal(422, str(error)) from None
        made, problems, cut = made_inputs(self.model, cells, [pixels])
        if problems:
            raise Refusal(422, f"what is sent cannot be used: {problems[0]}")
        inputs = {name: each.numpy() for name, each in made.items()}
        is_missing = {
            name: bool(each.made(cells[name]).missing.all())
            for name, each in self.model.written.items()
        }
        lacking = [name for name in self.model.takes if is_missing.get(name, pixels is None)]
        return inputs, [*([CUT] if cut else []), *without("what is sent", lacking)]

    def _unusable(self, error: UnusableImage) -> Refusal:
        if error.kind == "huge_image":
            assert self.format is not None
            most = f"{self.format.most_pixels:,}"
            return Refusal(
                422, f"the image has more pixels than this server accepts, at most {most}"
            )
        return Refusal(422, f"the file cannot be read as an image: {error.reason}")


def _limited(format: ImageFormat | None, limits: Limits) -> ImageFormat | None:
    if format is None:
        return None
    return replace(format, most_pixels=min(format.most_pixels, limits.pixels))


def _without_files(told: Any) -> Any:
    """Remove a tokenizer's files, which are large and of no use to clients."""
    if not isinstance(told, dict):
        return told
    return {key: value for key, value in told.items() if key != "files"}


def _black() -> BinaryIO:
    file = BytesIO()
    Image.new("L", (1, 1)).save(file, format="png")
    file.seek(0)
    return file
