"""A client's upload, received within limits; the name of a file is ignored."""

from __future__ import annotations

import json
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, BinaryIO

from fastapi import Request
from python_multipart.exceptions import FormParserError
from starlette.datastructures import FormData, UploadFile
from starlette.exceptions import HTTPException
from starlette.types import Message, Receive

from multitask.after.metadata import read_json
from multitask.after.serving.limits import Limits, Refusal
from multitask.errors import InputError

FIELD = "image"
FORM, JSON = "multipart/form-data", "application/json"
AROUND = 20_000
"""Bytes of a form in addition to the file and the written inputs."""
MOST_FIELDS = 4


@dataclass
class Sent:
    """A client's upload.

    Args:
        file: file of an image, open, at its beginning; the caller closes it.
        values: values of the inputs other than images.
    """

    file: BinaryIO | None = None
    values: dict[str, Any] = field(default_factory=dict)

    def close(self) -> None:
        """Close the file."""
        if self.file is not None:
            self.file.close()


class Uploads:
    """Receive the inputs of a model.

    Args:
        examples: for each input other than images, an example of a value.
        has_image: whether the model has an image input.
        limits: limits for requests.
    """

    def __init__(self, examples: Mapping[str, Any], has_image: bool, limits: Limits) -> None:
        self.examples, self.has_image, self.limits = dict(examples), has_image, limits

    @property
    def example(self) -> str:
        """An example of a request, without the address."""
        if not self.has_image:
            return f"curl -H 'Content-Type: {JSON}' -d {_quoted(json.dumps(self.examples))}"
        fields = [
            f"-F {_quoted(f'{name}={in_form(each)}')}" for name, each in self.examples.items()
        ]
        return " ".join([f"curl -F {FIELD}=@photo.jpg", *fields])

    async def received(self, request: Request) -> Sent:
        """Receive a request's body.

        Small files are kept in memory, larger ones are written to disk.

        Args:
            request: request whose body is a form, or JSON if the model has other inputs than an
                image.

        Raises:
            Refusal: if it has another type, or is too large.
        """
        kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
        if kind == JSON and self.examples:
            return Sent(None, self._checked(await self._json(request)))
        if kind == FORM:
            return await self._of_form(request)
        if not self.examples:
            raise self._refusal(415, f"send the image as a file in a form ({FORM})")
        raise self._refusal(415, f"send {JSON}, or a form ({FORM})")

    def _refusal(self, status: int, sentence: str) -> Refusal:
        return Refusal(status, f"{sentence}, as in: {self.example} ...")

    async def _json(self, request: Request) -> dict[str, Any]:
        most = self.limits.written_bytes
        if _told_size(request) > most:
            raise too_much(self.limits)
        parts: list[bytes] = []
        async for each in request.stream():
            parts.append(each)
            if sum(map(len, parts)) > most:
                raise too_much(self.limits)
        try:
            return read_json(b"".join(parts).decode("utf-8"), "the request")
        except UnicodeDecodeError:
            raise self._refusal(422, "the request is not UTF-8; send UTF-8") from None
        except InputError as error:
            raise self._refusal(422, f"{error}; send an object by input") from None

    async def _of_form(self, request: Request) -> Sent:
        most = AROUND + (self.limits.bytes if self.has_image else 0)
        most += self.limits.written_bytes if self.examples else 0
        if _told_size(request) > most:
            raise self._too_large()
        counted = _counted(request.receive, most, self._too_large())
        form = await self._form(Request(request.scope, counted))
        try:
            return self._parts(form)
        except Refusal:
            await form.close()
            raise

    def _parts(self, form: FormData) -> Sent:
        files = [each for _, each in form.multi_items() if isinstance(each, UploadFile)]
        texts = [(name, each) for name, each in form.multi_items() if isinstance(each, str)]
        file = form.get(FIELD)
        is_image = isinstance(file, UploadFile)
        if self.has_image and not self.examples and (not is_image or len(files) + len(texts) != 1):
            wrong = "more than a" if is_image else "no"
            what = f"the form has {wrong} file in the field '{FIELD}'"
            raise self._refusal(422, f"{what}; send that alone")
        if files and (len(files) > 1 or not is_image or not self.has_image):
            where = f" other than one in the field '{FIELD}'" if self.has_image else ""
            raise self._refusal(422, f"the form has a file{where}; send none")
        if len({name for name, _ in texts}) < len(texts):
            raise self._refusal(422, "the form has a field twice; send each once")
        if isinstance(file, UploadFile) and (file.size or 0) > self.limits.bytes:
            raise self._too_large()
        if (
            sum(len(each.encode("utf-8", "replace")) for _, each in texts)
            > self.limits.written_bytes
        ):
            raise too_much(self.limits)
        self._checked(dict(texts))
        values = {name: self._of_field(name, each) for name, each in texts}
        return Sent(file.file if isinstance(file, UploadFile) else None, values)

    def _of_field(self, name: str, text: str) -> Any:
        if isinstance(self.examples.get(name), str):
            return text
        with suppress(InputError):
            return read_json(f'{{"value": {text}}}', "the field")["value"]
        raise self._refusal(422, f"the field '{name}' is not JSON; send JSON")

    def _checked(self, values: dict[str, Any]) -> dict[str, Any]:
        for name in values:
            if name not in self.examples:
                is_image = name == FIELD and self.has_image
                cure = "; send it as a file in a form" if is_image else "; send what it accepts"
                raise self._refusal(
                    422, f"'{name:.40}' is not a text or number that it accepts{cure}"
                )
        return values

    async def _form(self, request: Request) -> FormData:
        fields = MOST_FIELDS + len(self.examples)
        size = AROUND + (self.limits.written_bytes if self.examples else 0)
        try:
            return await request.form(max_files=1, max_fields=fields, max_part_size=size)
        except (HTTPException, FormParserError) as error:
            # Only some versions of Starlette turn the parser's errors into their own.
            told = error.detail if isinstance(error, HTTPException) else error
            reason = str(told).rstrip(".")
            one = "; send one file" if self.has_image else "; send the fields"
            raise self._refusal(422, f"the form cannot be read ({reason}){one}") from error

    def _too_large(self) -> Refusal:
        return too_large(self.limits) if self.has_image else too_much(self.limits)


def in_form(value: Any) -> str:
    """A value as a form field: a text unchanged, anything else as JSON."""
    return value if isinstance(value, str) else json.dumps(value)


def _quoted(text: str) -> str:
    # Quoted as in a shell.
    return "'" + text.replace("'", "'\\''") + "'"


def _told_size(request: Request) -> int:
    return int(request.headers.get("content-length", 0))


def _counted(receive: Receive, most: int, refusal: Refusal) -> Receive:
    # A client may declare less than it sends, or nothing.
    size = 0

    async def counted() -> Message:
        nonlocal size
        message: Any = await receive()
        size += len(message.get("body", b""))
        if size > most:
            raise refusal
        return message

    return counted


def too_large(limits: Limits) -> Refusal:
    """Rejection of a file with too many bytes."""
    return Refusal(
        413, f"the file is larger than {limits.megabytes:g} MB, the most that this server accepts"
    )


def too_much(limits: Limits) -> Refusal:
    """Rejection of texts with too many bytes."""
    return Refusal(
        413,
        f"what is sent is longer than {limits.kilobytes:g} kB, the most that this server accepts",
    )
