"""Names of columns as names of tasks."""

from __future__ import annotations

import pytest

from multitask.inspection.task_names import task_name
from multitask.tasks import Regression
from multitask.tasks.naming import check_names


@pytest.mark.parametrize(
    ("column", "task"),
    [
        ("weight", "weight"),
        ("weight (g)", "weight_g"),
        ("Höhe [m]", "Hohe_m"),
        ("2nd", "target_2nd"),
        ("面积", "target"),
        ("image", "image_task"),
        ("file", "file_task"),
        ("keys", "keys_task"),
        ("loss", "loss_task"),
    ],
)
def test_every_name_is_one_that_a_task_can_have(column: str, task: str) -> None:
    assert task_name(column) == task
    check_names({task: Regression()})


def test_names_stay_apart() -> None:
    assert task_name("weight [g]", ["weight_g", "weight_g_2"]) == "weight_g_3"
