"""One image file, received within limits; its name is never looked at."""

from __future__ import annotations

from typing import Any, BinaryIO

from fastapi import Request
from starlette.datastructures import FormData, UploadFile
from starlette.exceptions import HTTPException
from starlette.types import Message, Receive

from multitask.after.serving.limits import Limits, Refusal

FIELD = "image"
EXAMPLE = f"curl -F {FIELD}=@photo.jpg"
FORM = "multipart/form-data"
AROUND = 20_000
"""Bytes that a form has beside the file."""
MOST_FIELDS = 4


async def received(request: Request, limits: Limits) -> BinaryIO:
    """Receive the file of a form.

    Small files stay in memory, larger ones go to the disk.

    Args:
        request: whose body is the form.
        limits: of the file.

    Returns:
        The file, open, at its beginning; the caller closes it.

    Raises:
        Refusal: if it is not such a form, or the file is too large.
    """
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() != FORM:
        raise Refusal(415, f"send the image as a file in a form ({FORM}), as in: {EXAMPLE} ...")
    if int(request.headers.get("content-length", 0)) > limits.bytes + AROUND:
        raise too_large(limits)
    form = await _form(Request(request.scope, _counted(request.receive, limits)))
    file = form.get(FIELD)
    if not isinstance(file, UploadFile) or len(form.multi_items()) != 1:
        await form.close()
        wrong = "more than a" if isinstance(file, UploadFile) else "no"
        what = f"the form has {wrong} file in the field '{FIELD}'"
        raise Refusal(422, f"{what}; send that alone, as in: {EXAMPLE} ...")
    if (file.size or 0) > limits.bytes:
        await form.close()
        raise too_large(limits)
    return file.file


async def _form(request: Request) -> FormData:
    try:
        return await request.form(max_files=1, max_fields=MOST_FIELDS, max_part_size=AROUND)
    except HTTPException as error:
        reason = str(error.detail).rstrip(".")
        raise Refusal(
            422, f"the form cannot be read ({reason}); send one file, as in: {EXAMPLE} ..."
        ) from error


def _counted(receive: Receive, limits: Limits) -> Receive:
    # A client may say less than it sends, or nothing.
    size = 0

    async def counted() -> Message:
        nonlocal size
        message: Any = await receive()
        size += len(message.get("body", b""))
        if size > limits.bytes + AROUND:
            raise too_large(limits)
        return message

    return counted


def too_large(limits: Limits) -> Refusal:
    """A file of too many bytes."""
    return Refusal(
        413, f"the file is larger than {limits.megabytes:g} MB, the most that this server takes"
    )
