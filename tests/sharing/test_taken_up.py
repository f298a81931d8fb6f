"""What checkpoints of other runs give to a run, whatever their tasks share behind the encoder."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any

import pytest
import torch
from encoders.made_checkpoints import written
from tiny_training import TinyData, tiny_model

from multitask import MultiTask
from multitask.encoders import FromRun
from multitask.errors import InputError
from multitask.runs.beginning import begin_with
from multitask.sharing import PLE, Adapters, DSelectK, FiLM, MMoE, SharingCallable
from multitask.tasks import GaussianRegression, Regression, Task

from .conftest import encoder_of, learned

BY_TASK: list[SharingCallable] = [
    partial(MMoE, own=1, width=4),
    partial(DSelectK, experts=3, width=4),
    partial(DSelectK, width=4, per_example=True),
    partial(Adapters, width=4),
    FiLM,
]
pytestmark = pytest.mark.filterwarnings("ignore")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "first.ckpt"


@pytest.mark.parametrize("sharing", [*BY_TASK, partial(PLE, width=4, levels=3)])
def test_a_checkpoint_is_enough(sharing: SharingCallable, path: Path) -> None:
    image, first = torch.rand(5, 1, 4, 4), learned(tiny_model(sharing=sharing))
    first(image)
    written(path, first.eval())
    again = MultiTask.load_from_checkpoint(path).eval()
    for name, each in first(image).items():
        assert torch.equal(again(image)[name], each)
    for place, mixing in first.sharing.mixing().items():
        assert torch.equal(again.sharing.mixing()[place].shares, mixing.shares)
    encoder: Any = FromRun(path)
    own = encoder_of(first).state_dict()
    assert all(torch.equal(each, own[name]) for name, each in encoder.state_dict().items())


@pytest.mark.parametrize("sharing", BY_TASK)
def test_the_parts_of_the_same_tasks_are_taken(sharing: SharingCallable, path: Path) -> None:
    theirs = written(path, learned(tiny_model(sharing=sharing))).state_dict()
    torch.manual_seed(7)
    tasks: dict[str, Task] = {"size": Regression(), "kind": GaussianRegression()}
    model, data = tiny_model(tasks=tasks, sharing=sharing), TinyData()
    data.setup()
    begin_with(str(path), model, data)
    ours = model.state_dict()
    taken = {name for name in ours.keys() & theirs if torch.equal(ours[name], theirs[name])}
    assert {name for name in ours if name.startswith("encoder.") or ".size." in name} <= taken
    own = {name for name, _ in model.sharing.named_parameters(prefix="sharing")}
    assert not {name for name in own if ".kind." in name} & taken


def test_levels_of_other_tasks_are_refused(path: Path) -> None:
    written(path, sharing=PLE)
    tasks: dict[str, Task] = {"size": Regression(), "place": Regression()}
    data = TinyData()
    data.setup()
    with pytest.raises(InputError, match="PLE has parts for each task by position"):
        begin_with(str(path), tiny_model(tasks=tasks, sharing=PLE), data)
