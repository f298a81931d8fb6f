"""The pages of the site, as docs/build_site.py writes them."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from types import ModuleType

ROOT = Path(__file__).resolve().parents[2]


def builder() -> ModuleType:
    """The module docs/build_site.py, which is in no package."""
    found = importlib.util.spec_from_file_location("build_site", ROOT / "docs/build_site.py")
    assert found is not None
    assert found.loader is not None
    module = importlib.util.module_from_spec(found)
    found.loader.exec_module(module)
    return module
