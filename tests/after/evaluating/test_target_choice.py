"""Which columns of a table hold a model's targets."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
from pandas import DataFrame, Series

from multitask.after.target_choice import chosen_targets
from multitask.tasks import Classification


@pytest.mark.parametrize(
    ("cells", "classes"),
    [
        (["0", "1"], ["0", "1"]),
        (["cat", "1"], ["cat", "dog"]),
        (["1", "inf"], ["cat", "dog"]),
        (["1", "9" * 400], ["cat", "dog"]),
        ([1, 10**400], ["cat", "dog"]),
        ([1.0, float("-inf")], ["cat", "dog"]),
    ],
)
def test_cells_are_names_of_classes_or_their_numbers(cells: list[Any], classes: list[str]) -> None:
    task = Classification(2, ["cat", "dog"])
    model = SimpleNamespace(named_tasks={"kind": task})
    trained: Any = SimpleNamespace(model=model, description={}, source="a checkpoint")
    table = DataFrame({"kind": Series(cells, dtype=object)})
    chosen, told = chosen_targets(trained, [table], ["kind"], "a table")
    assert (chosen, told) == ({"kind": {"columns": "kind", "classes": classes}}, {})
