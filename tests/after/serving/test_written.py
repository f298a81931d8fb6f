"""Routes and a page for texts, numbers and categories, alone or beside an image."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from after.serving.stand_in_model import ask, image_file, refused, served
from after.written_models import reader
from httpx import Response
from starlette.types import ASGIApp

from multitask.after.exporting.export import export
from multitask.after.serving.served_model import CheckpointModel, open_model

ALL = ("review", "person", "image")
JSON = {"content-type": "application/json"}
INFINITE = b'{"review": "a", "person": [1e999, "f"]}'


@pytest.fixture(scope="module")
def of_texts() -> ASGIApp:
    return served(CheckpointModel(reader("review", "person")), kilobytes=1)


@pytest.fixture(scope="module")
def of_all() -> ASGIApp:
    return served(CheckpointModel(reader(*ALL, takes_missing=True)), kilobytes=1)


def post(app: ASGIApp, **options: Any) -> Response:
    return ask(app, "/predict", "POST", **options)


def test_json_is_answered_as_python_is(of_texts: ASGIApp) -> None:
    sample = {"review": "a good film", "person": {"age": 31, "sex": "m"}}
    found = post(of_texts, json=sample)
    assert found.status_code == 200
    expected = reader("review", "person").predict(sample)
    assert found.json()["tasks"]["size"]["value"] == pytest.approx(expected["size"][0], rel=1e-5)
    assert (found.json()["height"], found.json()["remarks"]) == (None, [])
    # The same in a form, and numbers in their order.
    for person in ({"age": "31", "sex": "m"}, [31, "m"]):
        form = {"review": (None, sample["review"]), "person": (None, json.dumps(person))}
        assert post(of_texts, files=form).json() == found.json()
    long = post(of_texts, json={**sample, "review": "a " * 9}).json()
    assert long["remarks"] == ["the text is longer than the model reads: its end is ignored"]


def test_an_image_comes_in_a_form_beside_what_is_written(of_all: ASGIApp) -> None:
    whole = {"image": ("x", image_file()), "review": (None, "null"), "person": (None, '{"age": 1}')}
    found = post(of_all, files=whole)
    assert (found.json()["height"], found.json()["width"]) == (10, 20)
    # Each input counts, and any may be missing.
    sizes = {found.json()["tasks"]["size"]["value"]}
    for name in whole:
        rest = {key: each for key, each in whole.items() if key != name}
        sizes.add(post(of_all, files=rest).json()["tasks"]["size"]["value"])
    assert len(sizes) == 4
    assert found.json()["remarks"] == []
    text = post(of_all, json={"review": "null"}).json()
    assert text["remarks"] == [
        "what is sent has no person or image, so the model predicts without them"
    ]
    empty = post(of_all, json={"review": " ", "person": [1, "f"]}).json()
    assert empty["remarks"] == [
        "what is sent has no review or image, so the model predicts without them"
    ]


@pytest.mark.parametrize(
    ("options", "status", "words"),
    [
        ({"json": {"review": "a"}}, 422, "its age and sex are all missing"),
        ({"json": {"review": 3, "person": [1, "f"]}}, 422, "review is 3, which is not a text"),
        ({"json": {"review": "", "person": [1, "f"]}}, 422, "its text is empty"),
        ({"json": {"review": "a", "person": [1, "x"]}}, 422, "'x' is not one of its categories"),
        ({"json": {"review": "a", "person": {"ag": 1}}}, 422, "not made of 'ag'"),
        ({"content": INFINITE, "headers": JSON}, 422, "inf is infinite"),
        ({"json": {"text": "a"}}, 422, "'text' is not a text or number that it accepts"),
        ({"json": [1]}, 422, "not a JSON object"),
        ({"content": b"{", "headers": JSON}, 422, "it is not JSON"),
        ({"content": b"\xff", "headers": JSON}, 422, "not UTF-8"),
        ({"content": b'{"a":' * 150 + b"1" + b"}" * 150, "headers": JSON}, 422, "levels"),
        ({"json": {"review": "a" * 2000}}, 413, "1 kB"),
        ({"files": {"review": (None, "a" * 2000)}}, 413, "1 kB"),
        ({"files": {"review": (None, "a" * 30_000)}}, 413, "1 kB"),
        ({"files": {"image": image_file()}}, 422, "the form has a file"),
        ({"files": {"person": (None, "{")}}, 422, "'person' is not JSON"),
        ({"files": [("review", (None, "a")), ("review", (None, "b"))]}, 422, "a field twice"),
        ({"files": {"other": (None, "a")}}, 422, "'other' is not a text or number"),
        (
            {"content": b"a", "headers": {"content-type": "text/plain"}},
            415,
            "send application/json",
        ),
    ],
)
def test_what_cannot_be_used_is_refused(
    of_texts: ASGIApp, options: dict[str, Any], status: int, words: str
) -> None:
    assert words in refused(post(of_texts, **options), status)


def test_an_image_is_refused_as_it_is_alone(of_all: ASGIApp) -> None:
    assert "not an image" in refused(post(of_all, files={"image": b"no"}), 422)
    assert "send it as a file" in refused(post(of_all, json={"image": "x"}), 422)
    assert "none of review, person and image" in refused(post(of_all, json={}), 422)
    lacking = served(CheckpointModel(reader(*ALL)))
    sample = {"review": "a", "person": [1, "f"]}
    assert "it has no image" in refused(post(lacking, json=sample), 422)


def test_pages_of_other_sites_are_refused(of_texts: ASGIApp) -> None:
    found = post(of_texts, json={"review": "a"}, headers={"origin": "http://evil.example"})
    assert "other sites" in refused(found, 403)


def test_programs_are_told_what_to_send(of_texts: ASGIApp, of_all: ASGIApp) -> None:
    told = ask(of_texts, "/description").json()
    assert told["takes"] == ["review", "person"]
    assert told["inputs"]["person"]["categories"] == {"sex": ["f", "m"]}
    assert "files" not in told["inputs"]["review"]
    page = ask(of_texts, "/docs").text
    assert "&quot;review&quot;: &quot;a text&quot;" in page
    assert "-F image=@photo.jpg -F &#x27;review=a text&#x27; -F &#x27;person={" in (
        ask(of_all, "/docs").text
    )
    (post_route,) = ask(of_all, "/openapi.json").json()["paths"]["/predict"].values()
    assert sorted(post_route["requestBody"]["content"]) == [
        "application/json",
        "multipart/form-data",
    ]


def test_an_onnx_file_answers_as_its_checkpoint_does(tmp_path: Path) -> None:
    trained = reader("review", "person")
    file = open_model(export(trained, "onnx", tmp_path / "model.onnx").path)
    sample = {"review": "a good film", "person": {"age": 31, "sex": "m"}}
    answers = [post(served(each), json=sample).json() for each in (CheckpointModel(trained), file)]
    sizes = [each["tasks"]["size"]["value"] for each in answers]
    assert sizes[1] == pytest.approx(sizes[0], rel=1e-4)
    assert "its text is empty" in refused(post(served(file), json={**sample, "review": ""}), 422)
