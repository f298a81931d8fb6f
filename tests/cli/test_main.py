"""Python's collector of garbage rests while libraries are imported, and only then."""

from __future__ import annotations

import gc
import sys
from collections.abc import Iterator

import pytest

from multitask.cli.main import _uncollected


@pytest.fixture(autouse=True, scope="module")
def _no_garbage_kept() -> Iterator[None]:
    """Leave no garbage frozen to other tests; to look for it takes a second."""
    yield
    gc.unfreeze()
    gc.collect()
    gc.freeze()


def test_first_imports_are_not_collected(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "lightning.pytorch")
    with _uncollected():
        assert not gc.isenabled()
    assert gc.isenabled()
    assert gc.get_freeze_count() > 1000


def test_an_interrupted_import_leaves_the_collector_on(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "lightning.pytorch")
    with pytest.raises(KeyboardInterrupt), _uncollected():
        raise KeyboardInterrupt
    assert gc.isenabled()


def test_a_process_that_has_imported_everything_keeps_no_garbage() -> None:
    import lightning.pytorch  # noqa: F401

    before = gc.get_freeze_count()
    with _uncollected():
        assert gc.isenabled()
    # Of what was frozen before, some may have been freed since.
    assert gc.get_freeze_count() <= before
