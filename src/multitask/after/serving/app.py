"""The HTTP routes."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from fastapi import FastAPI, Request
from fastapi.responses import Response
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp

from multitask.after.serving.documentation import documentation
from multitask.after.serving.guard import Guard
from multitask.after.serving.limits import Refusal
from multitask.after.serving.page import PAGE, POLICY
from multitask.after.serving.responses import Page, PlainJSON, answer, failure
from multitask.after.serving.schema import Description, ErrorAnswer, Health, Prediction
from multitask.after.serving.service import Service
from multitask.after.serving.upload import FIELD, FORM, JSON, Uploads, in_form

REFUSED: dict[int | str, dict[str, Any]] = {
    403: {"model": ErrorAnswer, "description": "the request comes from another site"},
    408: {"model": ErrorAnswer, "description": "the request did not arrive in time"},
    413: {"model": ErrorAnswer, "description": "the file, or what is written, is too large"},
    415: {"model": ErrorAnswer, "description": "the request is of another kind"},
    422: {"model": ErrorAnswer, "description": "the image, or what is written, cannot be used"},
    503: {"model": ErrorAnswer, "description": "too many requests at the same time: Retry-After"},
}


def _body(uploads: Uploads) -> dict[str, Any]:
    """The request body of the route, in OpenAPI form."""
    written = {name: {"example": each} for name, each in uploads.examples.items()}
    in_fields = {
        name: {"type": "string", "example": in_form(each)}
        for name, each in uploads.examples.items()
    }
    if uploads.has_image:
        in_fields = {FIELD: {"type": "string", "format": "binary"}, **in_fields}
    content = {FORM: {"schema": {"type": "object", "properties": in_fields}}}
    if not uploads.examples:
        content[FORM]["schema"]["required"] = [FIELD]
    else:
        content[JSON] = {"schema": {"type": "object", "properties": written}}
    return {"required": True, "content": content}


def make_app(service: Service, is_local: bool = True) -> ASGIApp:
    """Create the routes for a model.

    Args:
        service: the model.
        is_local: see `multitask.after.serving.guard.Guard`.
    """

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        yield
        service.worker.stop()

    # FastAPI's own documentation pages load their scripts from the internet.
    app = FastAPI(
        title=f"multitask: {service.name}",
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
        lifespan=lifespan,
    )
    app.add_exception_handler(Refusal, _refused)
    app.add_exception_handler(HTTPException, _refused_by_router)
    app.add_exception_handler(Exception, _failed)
    _add_routes(app, service)
    _add_pages(app, service)
    return Guard(app, POLICY, is_local)


def _described(uploads: Uploads) -> str:
    if not uploads.examples:
        return "Every task's prediction for the image file in the form's field `image`."
    names = ", ".join(f"`{name}`" for name in uploads.examples)
    if not uploads.has_image:
        return (
            f"Every task's prediction for {names}, as JSON by these names, or as a form's fields."
        )
    return (
        f"Every task's prediction for the image file in the form's field `image` and for {names}, "
        "in fields of these names: a text as it is, anything else as JSON."
    )


def _add_routes(app: FastAPI, service: Service) -> None:
    @app.post(
        "/predict",
        summary="Predict for one sample",
        response_model=Prediction,
        responses=REFUSED,
        openapi_extra={"requestBody": _body(service.uploads)},
        description=_described(service.uploads),
    )
    async def predict(request: Request) -> PlainJSON:
        return PlainJSON(await service.answer(lambda: service.uploads.received(request)))

    @app.get("/description", summary="Describe the model", response_model=Description)
    async def description() -> PlainJSON:
        """The model's inputs and outputs, and the limits of the server."""
        return PlainJSON(service.description())

    @app.get("/health", summary="Tell that the server answers", response_model=Health)
    async def health() -> PlainJSON:
        """Respond once samples can be predicted."""
        return PlainJSON({"status": "ok"})


def _add_pages(app: FastAPI, service: Service) -> None:
    @app.get("/", include_in_schema=False)
    async def page() -> Page:
        return Page(PAGE)

    @app.get("/docs", include_in_schema=False)
    async def docs(request: Request) -> Page:
        address = str(request.base_url).rstrip("/")
        return Page(documentation(app.openapi(), service.example, address, service.uploads))

    @app.get("/favicon.ico", include_in_schema=False)
    async def favicon() -> Response:
        return Response(status_code=204)


async def _refused(_: Request, refusal: Exception) -> PlainJSON:
    assert isinstance(refusal, Refusal)
    return answer(refusal)


async def _failed(_: Request, __: Exception) -> PlainJSON:
    return failure()


async def _refused_by_router(request: Request, error: Exception) -> PlainJSON:
    assert isinstance(error, HTTPException)
    path = request.url.path
    sentence = {
        404: "there is no such page here; /docs lists what there is",
        405: f"{path} does not support {request.method}; /docs lists what there is",
    }.get(error.status_code, str(error.detail))
    return PlainJSON({"error": sentence}, error.status_code, error.headers)
