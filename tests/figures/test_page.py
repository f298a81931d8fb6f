"""Pages that need no other file."""

from __future__ import annotations

import base64
import re
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from multitask.figures.page import picture, table, write_markdown, write_page

PIXELS = np.arange(24, dtype=np.uint8).reshape(2, 4, 3)


def sources(page: str) -> list[bytes]:
    found = re.findall(r'src="data:image/png;base64,([^"]+)"', page)
    return [base64.b64decode(each) for each in found]


def test_a_report_has_its_figures_and_tables_inside(tmp_path: Path) -> None:
    (tmp_path / "figures").mkdir()
    Image.fromarray(PIXELS).save(tmp_path / "figures/a.png")
    text = "# One\n\n![a](figures/a.png)\n\n| b | c |\n|---|--:|\n| 1 | 2 |\n"
    page = write_markdown(text, tmp_path, "a & b")
    assert (tmp_path / "report.md").read_text(encoding="utf-8") == text
    written = page.read_text(encoding="utf-8")
    assert "<title>a &amp; b</title>" in written
    assert "<h1>One</h1>" in written
    assert re.search(r"<td[^>]*>2</td>", written)
    assert sources(written) == [(tmp_path / "figures/a.png").read_bytes()]
    assert "a.png" not in written


@pytest.mark.parametrize("pixels", [PIXELS, PIXELS[:, :, 0]])
def test_a_picture_in_a_table_keeps_its_pixels(tmp_path: Path, pixels: np.ndarray) -> None:
    write_page(table(["index", "x"], [["1", picture(pixels)]]), tmp_path / "page.html", "t")
    (source,) = sources((tmp_path / "page.html").read_text(encoding="utf-8"))
    np.testing.assert_array_equal(np.asarray(Image.open(BytesIO(source))), pixels)
