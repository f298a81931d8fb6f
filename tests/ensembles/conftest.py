"""Runs that are there once for all tests."""

from __future__ import annotations

from pathlib import Path

import pytest
from ensembles.made_runs import made_run


@pytest.fixture(scope="session")
def runs(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Three finished runs of the same data; nothing may be written to them."""
    root = tmp_path_factory.mktemp("runs") / "tiny"
    return [made_run(root / f"2026010{seed}-000000-{seed}", seed) for seed in range(3)]
