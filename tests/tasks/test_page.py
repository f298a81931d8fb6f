"""The page of all kinds of tasks says what the classes say."""

from __future__ import annotations

import importlib.util
import re
from pathlib import Path
from types import ModuleType

import pytest

from multitask import geometry

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def made() -> ModuleType:
    place = importlib.util.spec_from_file_location("tasks_page", ROOT / "docs/tasks.py")
    assert place is not None
    assert place.loader is not None
    module = importlib.util.module_from_spec(place)
    place.loader.exec_module(module)
    return module


def test_the_table_is_that_of_the_classes(made: ModuleType) -> None:
    assert made.PAGE.read_text(encoding="utf-8") == made.page(), "run: python docs/tasks.py"


def test_the_page_names_every_kind_and_geometry(made: ModuleType) -> None:
    choice = made.PAGE.read_text(encoding="utf-8").partition("## Which to take")[2]
    for name, _ in made.kinds():
        assert f"`{name}`" in choice, name
        for each in re.findall(r"`(\w+)", made.GEOMETRY.get(name, "")):
            assert hasattr(geometry, each), each
