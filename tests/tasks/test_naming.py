"""What a task may be called."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import Tensor

from multitask import MultiTask
from multitask.errors import InputError, one_line
from multitask.tasks import Classification, Hazard, Regression, Task
from multitask.tasks.base import Column
from multitask.tasks.naming import check_names, check_targets, element_names


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        *((name, "is a reserved name") for name in ("image", "file", "problem", "loss", "score")),
        *((name, "is a reserved name") for name in ("learning_rate", "index")),
        ("samples_per_second", "is a reserved name"),
        *((name, f"{name}_task") for name in ("type", "keys", "training", "to", "forward")),
        *(
            (name, "starting with a letter")
            for name in ("", "1st", "_x", "-x", "a.b", "a/b", "a b", "höhe")
        ),
        ("digit\n", "starting with a letter"),
    ],
)
def test_name_that_cannot_be_one_is_refused(name: str, reason: str) -> None:
    with pytest.raises(InputError, match="a task cannot be called") as error:
        check_names({"digit": Regression(), name: Regression()})
    assert one_line(f"'{name}'") in str(error.value)
    assert reason in str(error.value)


def test_a_task_is_not_called_as_an_input_is(tiny_model: Callable[..., MultiTask]) -> None:
    with pytest.raises(InputError, match="'text', which is the name of an input of the encoder"):
        check_names({"text": Regression()}, ("image", "text"))
    tiny_model(tasks={"text": Regression()})


@pytest.mark.parametrize(
    "name", ["digit", "Digit", "x", "age-2", "left_eye", "mean", "tasks", "encoder", "mae"]
)
def test_accepted_name_works_in_a_model(name: str, tiny_model: Callable[..., MultiTask]) -> None:
    model = tiny_model(tasks={name: Regression()})
    assert list(model(torch.rand(2, 1, 4, 4))) == [name]
    assert f"heads.{name}.weight" in model.state_dict()


class Spread(Regression):
    """A person's own task, whose columns are not called as they should be."""

    def columns(self, name: str, prediction: Tensor) -> dict[str, Column]:
        return {name: prediction[:, 0], f"{name}_spread": prediction[:, 0]}


def test_tasks_that_share_a_column_of_predictions_are_refused() -> None:
    check_names({"size": Spread(), "size_spreads": Regression()})
    with pytest.raises(InputError, match="'size_spread'.* rename one"):
        check_names({"size": Spread(), "size_spread": Regression()})
    with pytest.raises(InputError, match="'size'.* rename one"):
        check_names({"size_spread": Regression(), "size": Spread()})


@pytest.mark.parametrize(
    ("first", "task", "second"),
    [
        ("digit", Classification(3), "digit_probability"),
        ("position", Regression(size=2), "position_0"),
    ],
)
def test_names_that_continue_each_other_share_no_column(
    first: str, task: Task, second: str
) -> None:
    check_names({first: task, second: Regression()})


def test_no_task_at_all_is_refused(tiny_model: Callable[..., MultiTask]) -> None:
    with pytest.raises(InputError, match="tasks is empty"):
        tiny_model(tasks={})


@pytest.mark.parametrize(
    ("name", "advice"),
    [("digits", "did you mean 'digit'?"), ("age", "choose from 'angle_of_view', 'digit'")],
)
def test_task_that_the_data_do_not_have_is_refused_with_the_nearest(name: str, advice: str) -> None:
    targets = {"digit": torch.zeros(2), "angle_of_view": torch.zeros(2)}
    check_targets({"digit": Regression()}, targets, "train", "Photos")
    with pytest.raises(InputError, match=f"task '{name}' is not in the data: Photos") as error:
        check_targets({name: Regression()}, targets, "train", "Photos")
    assert str(error.value).endswith(advice)


def test_columns_of_a_survival_are_no_elements_of_its_curve() -> None:
    assert element_names(Hazard(), ["months", "died"]) is None
    assert element_names(Regression(size=2), ["x", "y"]) == ["x", "y"]
