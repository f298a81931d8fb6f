"""The page in a browser, as a person uses it."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from after.serving.stand_in_model import Pixels, StandInModel, image_file, running, served
from browser import Visit
from pages.hostile_names import HOSTILE

Open = Callable[..., Visit]
DROP = """
([content, name]) => {
  const bytes = Uint8Array.from(atob(content), (each) => each.charCodeAt(0));
  const dataTransfer = new DataTransfer();
  dataTransfer.items.add(new File([bytes], name, { type: "image/png" }));
  const options = { bubbles: true, cancelable: true, dataTransfer };
  document.body.dispatchEvent(new DragEvent("drop", options));
}
"""


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    with running(served(megabytes=0.1)) as address:
        yield address


def drop(visit: Visit, content: bytes, name: str = "my <b>photo</b>.png") -> None:
    visit.page.evaluate(DROP, [b64encode(content).decode(), name])


def text_of(visit: Visit) -> str:
    visit.page.locator("section").first.wait_for()
    return visit.page.locator("main").inner_text()


@pytest.mark.parametrize(("width", "dark"), [(1280, False), (360, True)])
def test_a_dropped_image_shows_every_task(
    address: str, visit: Open, width: int, dark: bool
) -> None:
    found = visit(address, width=width, dark=dark)
    page = found.page
    drop(found, image_file((40, 30)))
    text = text_of(found)
    assert page.locator("section h2").all_inner_texts() == [
        *("species", "weight", "position", "parts", "depth")
    ]
    for words in ("cat (50%)", "häst <b>", "4.25 kg", "1.5 mm", "not a number", "87.5%", "47 m"):
        assert words in text
    assert "Entropy: 1.375 nats of at most 1.946." in text
    assert "Intervals that hold 90% of the true values: here 3.25 kg to 5.25 kg." in text
    assert "my <b>photo</b>.png, 40 x 30 pixels" in text
    assert "All 7 classes" in text
    assert page.locator("section").first.locator("table").first.locator("tr").count() == 5
    assert page.locator(".pictures img").count() == 3
    assert "species: cat, 50%" in (page.locator("[role=status]").text_content() or "")
    # Pictures that could not be loaded have no size; and nothing is wider than the screen.
    sizes = page.locator(".pictures img").evaluate_all("all => all.map(one => one.naturalWidth)")
    assert sizes == [8, 8, 8]
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    assert all(each.startswith((address, "blob:", "data:")) for each in found.requests)
    assert found.complaints == []


def test_by_keyboard(address: str, visit: Open, tmp_path: Path) -> None:
    found = visit(address)
    # The browser is asked to report choosers here, which takes a moment that the test does not see.
    found.page.on("filechooser", lambda _: None)
    found.page.keyboard.press("Tab")
    assert found.page.evaluate("document.activeElement.id") == "file"
    assert found.page.get_by_label("Choose an image").count() == 1
    (tmp_path / "photo.tiff").write_bytes(image_file(kind="tiff"))
    with found.page.expect_file_chooser() as chosen:
        found.page.keyboard.press("Enter")
    chosen.value.set_files(tmp_path / "photo.tiff")
    assert "cat (50%)" in text_of(found)
    # A browser shows no TIFF.
    assert not found.page.locator("#shown").is_visible()


def test_what_is_refused_is_told(address: str, visit: Open) -> None:
    found = visit(address)
    found.page.get_by_text("From an image, this model predicts").wait_for()
    told = found.page.locator("[role=alert]")
    drop(found, b"no image")
    told.filter(has_text="not an image").wait_for()
    drop(found, bytes(200_000))
    told.filter(has_text="larger than 0.1 MB").wait_for()
    drop(found, image_file())
    text_of(found)
    assert not told.is_visible()


def test_a_busy_server_is_asked_again(address: str, visit: Open) -> None:
    found = visit(address)
    answers = iter([503, 503])

    def answer(route: object) -> None:
        if (status := next(answers, None)) is None:
            route.continue_()  # type: ignore[attr-defined]
            return
        heads = {"Retry-After": "0.05", "Content-Type": "application/json"}
        route.fulfill(status=status, body='{"error": "busy"}', headers=heads)  # type: ignore[attr-defined]

    found.page.route("**/predict", answer)
    drop(found, image_file())
    assert "cat (50%)" in text_of(found)


class HostileModel(StandInModel):
    """Its tasks, classes, elements and units try to run something."""

    description = {  # noqa: RUF012
        **StandInModel.description,
        "tasks": {
            HOSTILE[0]: {"classes": list(HOSTILE)},
            HOSTILE[1]: {"elements": list(HOSTILE), "unit": HOSTILE[2]},
            "__proto__": {"unit": HOSTILE[0]},
        },
    }

    def __call__(self, inputs: dict[str, Pixels]) -> dict[str, Pixels]:
        shares = np.linspace(0, 1, len(HOSTILE))[None]
        return {HOSTILE[0]: shares, HOSTILE[1]: shares, "__proto__": shares[:, :1]}


def test_names_are_shown_and_never_run(visit: Open) -> None:
    with running(served(HostileModel())) as address:
        for path in ("/", "/docs"):
            found = visit(address + path)
            if path == "/":
                drop(found, image_file())
                assert HOSTILE[0].strip()[:8] in text_of(found)
            assert found.page.locator("main script, main iframe, main svg").count() == 0
            assert found.complaints == []
            assert all(each.startswith((address, "blob:", "data:")) for each in found.requests)
            found.page.context.close()
