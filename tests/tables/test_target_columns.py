"""Settings of a target's columns."""

from __future__ import annotations

import pytest

from multitask.errors import InputError
from multitask.tables.target_columns import TargetColumns, check_columns


def test_settings_that_contradict_each_other_are_refused() -> None:
    def refusal(target: TargetColumns, *missing: str) -> str:
        with pytest.raises(InputError, match="targets, 'kind': ") as refused:
            check_columns("kind", target, missing)
        return str(refused.value)

    assert "columns is empty" in refusal(TargetColumns([]))
    assert "classes is empty" in refusal(TargetColumns("a", []))
    assert "need one column" in refusal(TargetColumns(["a", "b"], ["c"]))
    assert "lists 'c' more than once" in refusal(TargetColumns("a", ["c", "d", "c"]))
    assert "'NA' is listed in both classes and missing" in refusal(TargetColumns("a", ["NA"]), "NA")
