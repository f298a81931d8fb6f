"""The picture of the architecture is made by code, and shows every part."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import pytest
from docs.site_pages import ROOT
from matplotlib.figure import Figure
from PIL import Image


@pytest.mark.usefixtures("fine_pictures")
def test_the_picture_shows_each_part_and_is_drawn_as_it_is_shown(tmp_path: Path) -> None:
    found = importlib.util.spec_from_file_location("architecture", ROOT / "docs/architecture.py")
    assert found is not None
    assert found.loader is not None
    module = importlib.util.module_from_spec(found)
    found.loader.exec_module(module)

    axes = Figure().subplots()
    module.draw(axes)
    said = " ".join(each.get_text() for each in axes.texts)
    for part in ("encoder", "gate", "sharing", "head", "loss", "balancer"):
        assert part in said

    module.main(tmp_path / "picture.png")
    with (
        Image.open(tmp_path / "picture.png") as new,
        Image.open(ROOT / "docs/architecture.png") as old,
    ):
        assert new.size == old.size
