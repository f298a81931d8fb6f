"""A new run begins with a checkpoint's weights, heads of the same tasks included."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from encoders.made_checkpoints import written
from tiny_training import SAMPLES, TinyData, tiny_model

from multitask import MultiTask
from multitask.encoders import MLP
from multitask.errors import InputError
from multitask.runs.beginning import begin_with
from multitask.runs.preflight import check
from multitask.sharing import CrossStitch, MMoE
from multitask.tasks import Classification, GaussianRegression, QuantileRegression, Regression, Task
from multitask.training.description import describe

NAMES = ["cat", "dog", "owl"]
pytestmark = pytest.mark.filterwarnings("ignore")


class NamedData(TinyData):
    """Data that know the names of the classes."""

    names = NAMES

    def class_names(self) -> dict[str, list[str]]:
        return {"kind": self.names}


def first_tasks() -> dict[str, Task]:
    return {"kind": Classification(3), "size": Regression(unit="mm")}


@pytest.fixture(scope="module")
def first(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A checkpoint whose statistics are not those of the data here."""
    data, path = NamedData(), tmp_path_factory.mktemp("first") / "first.ckpt"
    model = tiny_model(tasks=first_tasks())
    check("fit", model, data, None)
    model.description = describe(model.named_tasks, data)
    with torch.no_grad():
        for each in model.state_dict().values():
            each.add_(1)
    written(path, model)
    return path


def begun(path: Path, data: TinyData | None = None, **arguments: Any) -> MultiTask:
    model = tiny_model(**arguments)
    check("fit", model, data or NamedData(), None, str(path))
    return model


def part(state: dict[str, Any], name: str) -> dict[str, Any]:
    return {key: each for key, each in state.items() if f".{name}." in key}


def equal(one: dict[str, Any], other: dict[str, Any]) -> bool:
    return all(torch.equal(each, other[key]) for key, each in one.items())


def test_the_same_tasks_keep_heads_and_statistics(first: Path) -> None:
    theirs = torch.load(first, weights_only=True)["state_dict"]
    third: dict[str, Task] = {"third": Regression()}
    sizes = torch.linspace(5.0, 7.0, SAMPLES)
    data = NamedData({split: {"third": sizes} for split in ("train", "val", "test")})
    model = begun(first, data, tasks=first_tasks() | third)
    ours = model.state_dict()
    assert equal(theirs, ours)
    # The new one learns its own.
    assert float(ours["tasks.third.mean"]) == pytest.approx(6)
    assert model.source is not None
    assert model.source.sentence == (
        "The encoder and the heads of 'kind' and 'size', with their statistics, are from "
        f"{first}; 'third' (it is new) starts from scratch"
    )


@pytest.mark.parametrize(
    ("task", "why"),
    [
        (lambda: Regression(unit="m"), "its unit was mm"),
        (lambda: Regression(scale="none"), "its scale was element"),
        (GaussianRegression, "it was a Regression"),
        (QuantileRegression, "it was a Regression"),
        (
            lambda: Regression(head=lambda one, other: torch.nn.Sequential(torch.nn.Linear(8, 1))),
            "its 'heads.size.0.weight' was missing",
        ),
    ],
)
def test_a_task_that_differs_begins_anew(first: Path, task: Callable[[], Task], why: str) -> None:
    model = begun(first, tasks={"size": task()})
    assert float(model.state_dict()["tasks.size.trivial"]) == pytest.approx(100, abs=10)
    assert model.source is not None
    assert model.source.sentence.endswith(
        f"; 'size' ({why}) starts from scratch; 'kind' of the checkpoint is not used"
    )


def test_other_classes_begin_anew_and_the_same_in_another_order_are_refused(first: Path) -> None:
    four = begun(first, TinyData(), tasks={"kind": Classification(4)})
    assert "'kind' (its classes were cat, dog and owl) starts from scratch" in four.source.sentence  # type: ignore[union-attr]
    data = NamedData()
    data.names = ["dog", "cat", "owl"]
    with pytest.raises(
        InputError, match="task 'kind': its classes are dog, cat and owl, but those"
    ):
        begun(first, data)
    data.names = ["dog", "cat", "elk"]
    assert "'kind' (its classes were" in begun(first, data).source.sentence  # type: ignore[union-attr]
    # Numbers are no names.
    assert "from scratch" not in begun(first, TinyData()).source.sentence  # type: ignore[union-attr]


def test_a_task_that_is_taken_needs_no_label(first: Path) -> None:
    nothing = torch.full((SAMPLES,), -100)
    data = NamedData({"train": {"kind": nothing}})
    model = begun(first, data)
    theirs = torch.load(first, weights_only=True)["state_dict"]
    assert equal(part(theirs, "kind"), model.state_dict())
    with pytest.raises(InputError, match="task 'kind': no training sample has a label"):
        check("fit", tiny_model(), data, None)


def test_class_weights_that_are_set_anew_count(first: Path) -> None:
    theirs = torch.load(first, weights_only=True)["state_dict"]
    tasks: dict[str, Task] = {"kind": Classification(3, class_weights=[1, 2, 3])}
    state = begun(first, tasks=tasks).state_dict()
    assert state["tasks.kind.class_weights"].tolist() == [1, 2, 3]
    assert torch.equal(
        state["tasks.kind.class_frequencies"], theirs["tasks.kind.class_frequencies"]
    )
    tasks = {"kind": Classification(3, class_weights="balanced")}
    state = begun(first, tasks=tasks).state_dict()
    assert float(state["tasks.kind.class_weights"].mean()) == pytest.approx(1)


def test_what_is_shared_must_be_the_same(first: Path, tmp_path: Path) -> None:
    for arguments in ({"sharing": MMoE}, {"encoder": MLP(16, [4], 8)}):
        with pytest.raises(InputError, match="another model: .* with multitask.encoders.FromRun"):
            begun(first, **arguments)
    written(path := tmp_path / "columns.ckpt", sharing=CrossStitch)
    assert "from scratch" not in begun(path, sharing=CrossStitch).source.sentence  # type: ignore[union-attr]
    swapped: dict[str, Task] = {"size": Regression(), "kind": Classification(3)}
    with pytest.raises(InputError, match="CrossStitch has parts for each task by position"):
        begun(path, sharing=CrossStitch, tasks=swapped)


def test_experts_and_gates_are_taken_by_task(tmp_path: Path) -> None:
    written(path := tmp_path / "experts.ckpt", sharing=MMoE)
    theirs = torch.load(path, weights_only=True)["state_dict"]
    torch.manual_seed(7)
    tasks: dict[str, Task] = {"size": Regression(), "kind": GaussianRegression()}
    model = MultiTask(MLP(16, hidden=[], out_features=8), tasks, sharing=MMoE)
    data = TinyData()
    data.setup()
    begin_with(str(path), model, data)
    ours = model.state_dict()
    assert equal(part(theirs, "size"), ours)
    assert not torch.equal(ours["sharing.gates.kind.weight"], theirs["sharing.gates.kind.weight"])
