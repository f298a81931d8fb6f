"""The page for texts, numbers and categories, as a person sees it.

Apart from the routes: a browser leaves its loop in the thread, beside which no other one runs.
"""

from __future__ import annotations

from collections.abc import Callable

import pytest
from after.serving.stand_in_model import image_file, running, served
from after.written_models import COLUMNS_TOLD, reader, text_told
from browser import Visit
from pages.hostile_names import HOSTILE
from starlette.types import ASGIApp

from multitask.after.serving.served_model import CheckpointModel


@pytest.fixture(scope="module")
def of_texts() -> ASGIApp:
    return served(CheckpointModel(reader("review", "person")))


@pytest.fixture(scope="module")
def of_all() -> ASGIApp:
    return served(CheckpointModel(reader("review", "person", "image", takes_missing=True)))


def test_a_person_writes_into_the_page(of_texts: ASGIApp, visit: Callable[..., Visit]) -> None:
    with running(of_texts) as address:
        found = visit(address)
        page = found.page
        page.get_by_label("review").fill("a good film")
        assert not page.locator("#drop").is_visible()
        page.get_by_role("button", name="Predict").click()
        page.locator("[role=alert]").filter(has_text="age and sex are all missing").wait_for()
        page.get_by_label("age", exact=True).fill("31")
        page.get_by_label("sex").select_option("m")
        page.get_by_role("button", name="Predict").click()
        page.locator("section").first.wait_for()
        sample = {"review": "a good film", "person": {"age": 31, "sex": "m"}}
        kind = reader("review", "person").predict(sample)["kind"][0]
        assert f"{kind} (" in page.locator("section").first.inner_text()
        # The browser's own, on the answer that was asked for above.
        assert len(found.complaints) == 1
        assert "status of 422" in found.complaints[0]


def test_an_image_waits_for_what_is_written(of_all: ASGIApp, visit: Callable[..., Visit]) -> None:
    with running(of_all) as address:
        found = visit(address)
        page = found.page
        page.get_by_label("review").fill("a good film")
        file = {"name": "a.png", "mimeType": "image/png", "buffer": image_file()}
        page.locator("#file").set_input_files(file)  # type: ignore[arg-type]
        assert page.locator("section").count() == 0
        page.get_by_role("button", name="Predict").click()
        page.locator("section").first.wait_for()
        assert "a.png, 20 x 10 pixels" in page.locator("main").inner_text()
        assert found.complaints == []


def test_names_are_shown_and_never_run(visit: Callable[..., Visit]) -> None:
    told = {
        "review": text_told(columns=HOSTILE),
        "person": {**COLUMNS_TOLD, "columns": ["__proto__", HOSTILE[0]], "categories": {}},
    }
    model = reader("review", "person", told=told)
    with running(served(CheckpointModel(model))) as address:
        for path in ("/", "/docs"):
            found = visit(address + path)
            if path == "/":
                found.page.get_by_label("__proto__").wait_for()
            assert found.page.locator("main script, main iframe, main svg").count() == 0
            assert found.complaints == []
            assert all(each.startswith((address, "blob:", "data:")) for each in found.requests)
            found.page.context.close()
