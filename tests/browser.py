"""A headless browser, for tests of pages as people see them; the system's own."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")


@dataclass
class Visit:
    """A page that a browser has opened.

    Args:
        page: Playwright's.
        requests: addresses that were asked for, that of the page first.
        complaints: errors and warnings in the console, uncaught errors and dialogs.
    """

    page: Page
    requests: list[str] = field(default_factory=list)
    complaints: list[str] = field(default_factory=list)


# Not for the whole session: Playwright's loop runs in this thread until it is closed, and no other
# test could run a loop of its own.
@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """A browser that is closed after the tests of the file; skips if there is none."""
    playwright = pytest.importorskip(
        "playwright.sync_api", reason="Playwright is missing: pip install playwright"
    )
    path = next(filter(None, map(shutil.which, NAMES)), None)
    if path is None:
        pytest.skip(f"there is no browser; install one of {', '.join(NAMES)}")
    with playwright.sync_playwright() as started:
        found = started.chromium.launch(executable_path=path)
        yield found
        found.close()


@pytest.fixture
def visit(browser: Browser) -> Iterator[Callable[..., Visit]]:
    """Opens an address; ``width``, ``dark`` and ``scripts`` say how."""
    contexts = []

    def open_page(
        address: str, width: int = 1280, dark: bool = False, scripts: bool = True
    ) -> Visit:
        context = browser.new_context(
            viewport={"width": width, "height": 800},
            color_scheme="dark" if dark else "light",
            java_script_enabled=scripts,
        )
        contexts.append(context)
        found = Visit(context.new_page())
        found.page.on("request", lambda request: found.requests.append(request.url))
        found.page.on("pageerror", lambda error: found.complaints.append(str(error)))
        found.page.on(
            "console",
            lambda message: (
                found.complaints.append(message.text)
                if message.type in ("error", "warning")
                else None
            ),
        )

        def dismiss(dialog: object) -> None:
            found.complaints.append(f"dialog: {dialog.message}")  # type: ignore[attr-defined]
            dialog.dismiss()  # type: ignore[attr-defined]

        found.page.on("dialog", dismiss)
        found.page.goto(address)
        return found

    yield open_page
    for each in contexts:
        each.close()
