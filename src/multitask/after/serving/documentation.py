"""The page that documents the routes, without resources from the internet."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from html import escape
from typing import Any

from multitask.after.serving.page import STYLE
from multitask.after.serving.schema import KINDS
from multitask.after.serving.upload import Uploads

LONGEST = 60
"""Most characters of a text in the example; Base64 files are longer."""


def documentation(openapi: Mapping[str, Any], example: Any, address: str, uploads: Uploads) -> str:
    """Write the page.

    Args:
        openapi: the routes, as in ``/openapi.json``.
        example: the model's response for a sample.
        address: address of the server.
        uploads: description of what a client sends.
    """
    title = escape(openapi["info"]["title"])
    body = "\n".join([*_routes(openapi, example, address, uploads), *_kinds()])
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f'<link rel="icon" href="data:,"><title>{title}: routes</title>'
        f"<style>{STYLE}</style></head><body><main><h1>{title}</h1>"
        '<p><a href="/">Try the model</a>, or call these routes from a program. '
        '<a href="/openapi.json">openapi.json</a> describes them for programs that write '
        f"such calls.</p>{body}</main></body></html>"
    )


def _routes(
    openapi: Mapping[str, Any], example: Any, address: str, uploads: Uploads
) -> Iterator[str]:
    for path, methods in openapi["paths"].items():
        for method, route in methods.items():
            yield f"<h2>{escape(route['summary'])}</h2>"
            yield f"<p><code>{method.upper()} {escape(path)}</code></p>"
            yield f"<p>{_marked(route['description'])}</p>"
            call = uploads.example if method == "post" else "curl"
            command = f"{call} {address}{path}"
            yield f"<pre><code>{escape(command)}</code></pre>"
            if method == "post":
                what = "a black image" if uploads.has_image else "this"
                yield f"<p>This model answers for {what}:</p>"
                shown = json.dumps(_shortened(example), indent=2, ensure_ascii=False)
                yield f"<pre><code>{escape(shown)}</code></pre>"
                yield _table("What is refused", ("status", "if"), _refusals(route))


def _refusals(route: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    for status, each in route["responses"].items():
        if status != "200":
            yield status, each["description"]


def _kinds() -> Iterator[str]:
    yield "<h2>Kinds of answers</h2>"
    yield "<p>Each task's <code>kind</code> says what else there is:</p>"
    for kind in KINDS:
        schema = kind.model_json_schema()
        name = schema["properties"]["kind"]["const"]
        rows = [
            (field, each.get("description", ""))
            for field, each in schema["properties"].items()
            if field != "kind"
        ]
        yield f"<h3><code>{escape(name)}</code>: {escape(schema['description'])}</h3>"
        yield _table(f"Fields of {name}", ("field", "what it holds"), iter(rows))


def _table(caption: str, heads: tuple[str, str], rows: Iterator[tuple[str, str]]) -> str:
    head = "".join(f'<th scope="col">{escape(each)}</th>' for each in heads)
    body = "".join(
        f'<tr><th scope="row"><code>{escape(first)}</code></th><td>{escape(second)}</td></tr>'
        for first, second in rows
    )
    return (
        f'<table class="fields"><caption>{escape(caption)}</caption>'
        f"<thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"
    )


def _marked(text: str) -> str:
    parts = escape(text).split("`")
    return "".join(f"<code>{each}</code>" if odd % 2 else each for odd, each in enumerate(parts))


def _shortened(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _shortened(each) for key, each in value.items()}
    if isinstance(value, list):
        return [_shortened(each) for each in value]
    is_long = isinstance(value, str) and len(value) > LONGEST
    return f"{value[:LONGEST]}..." if is_long else value
