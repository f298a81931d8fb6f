"""What a few labels of unseen classes are worth: who sees what, what is logged and refused."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from tiny_episodes import TinyClasses, episode_model, tiny_episodes
from torch import Tensor

from multitask.callbacks import FewShotEvaluation
from multitask.callbacks.new_classes import NewClasses
from multitask.data import TrainingClasses
from multitask.encoders import Encoder
from multitask.errors import InputError
from multitask.few_shot import Adapted, HeadOnly, Prototypes, Samples
from multitask.module import MultiTask
from multitask.passes import FOMAML, Reptile
from multitask.study.measured_parts import name_in_tests
from multitask.tasks import Task

pytestmark = pytest.mark.filterwarnings("ignore")
Make = Callable[..., Any]
FAST: dict[str, Any] = {"shots": (2, 1), "episodes": 3, "queries": 4}


class Watching(Prototypes):
    """Prototypes that keep what they are shown."""

    name = "watching"

    def __init__(self) -> None:
        self.seen: list[Samples] = []
        self.tasks: list[Task] = []

    def learn(self, encoder: Encoder, name: str, task: Task, support: Samples) -> Adapted:
        self.seen.append(support)
        self.tasks.append(task)
        return super().learn(encoder, name, task, support)


def joint_data(grouped: bool = False) -> TrainingClasses:
    return TrainingClasses(TinyClasses(grouped), "kind", test_classes=3, batch_size=6, seed=0)


def logged(trainer: Make, model: MultiTask, data: Any, callback: FewShotEvaluation) -> Any:
    return trainer(callbacks=[callback]).test(model, data, verbose=False)[0]


def test_learners_see_the_same_few_labels_of_classes_that_training_has_not(trainer: Make) -> None:
    watching, model = Watching(), episode_model()
    callback = FewShotEvaluation([watching, HeadOnly(steps=2)], **FAST)
    before = {name: each.clone() for name, each in model.state_dict().items()}
    found = logged(trainer, model, joint_data(True), callback)
    assert all(torch.equal(before[name], each) for name, each in model.state_dict().items())
    parts = {"1", "2", "watching-1", "watching-2", "head_only-1", "head_only-2"}
    names = {f"test/few_shot/{part}/kind/accuracy" for part in parts}
    assert names == {name for name in found if "few_shot" in name}
    assert names <= {name_in_tests("kind", f"{part}/accuracy") for part in callback.parts}
    assert found["test/few_shot/2/kind/accuracy"] == found["test/few_shot/watching-2/kind/accuracy"]
    assert [len(each) for each in watching.seen] == [3, 6] * 3
    assert watching.seen[0].target.tolist() == [0, 1, 2]
    assert watching.seen[1].target.tolist() == [0, 0, 1, 1, 2, 2]
    # The fewer are a part of the more, and only new classes are there.
    assert torch.equal(watching.seen[0].inputs[0], watching.seen[1].inputs[0][::2])
    kinds = {int(each) for each in (watching.seen[1].inputs[0][:, 0, 0, 0] * 6).round()}
    assert kinds == set(joint_classes())
    # The image tells the class, so that its prototypes do.
    assert found["test/few_shot/watching-2/kind/accuracy"] > 0.4
    again = logged(
        trainer, episode_model(), joint_data(True), FewShotEvaluation([Watching()], **FAST)
    )
    assert again["test/few_shot/2/kind/accuracy"] == found["test/few_shot/2/kind/accuracy"]


def joint_classes() -> list[int]:
    data = joint_data()
    data.setup()
    return data.classes["test"]


def test_no_query_is_akin_to_what_is_shown() -> None:
    data, model = joint_data(True), episode_model()
    data.setup()
    dealt = NewClasses(data, None, shots=2, queries=4, seed=0)
    pixels = data.source.splits["test"].images(torch.arange(72)).flatten(1)
    known = data.source.groups("test")
    assert known is not None

    def groups(batch: dict[str, Tensor]) -> list[str]:
        same = (batch["image"].flatten(1)[:, None] == pixels).all(2).long().argmax(1)
        return [known[1][int(row)] for row in same]

    for number in range(5):
        support, query = dealt.deal(model, number)
        every = groups(support) + groups(query)
        assert len(set(every)) == len(every) == 3 * (2 + 4)


def test_a_meta_trained_model_is_adapted_by_its_own_pass(trainer: Make) -> None:
    callback = FewShotEvaluation([], **FAST)
    for made in (FOMAML(1), Reptile(1)):
        model = episode_model(both=True, training_pass=made)
        found = logged(trainer, model, tiny_episodes(), callback)
        assert "test/few_shot/own_pass-1/kind/accuracy" in found
        assert (
            found["test/few_shot/2/kind/accuracy"]
            == (found["test/few_shot/own_pass-2/kind/accuracy"])
        )


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"shots": []}, "shots is 0"),
        ({"episodes": 0}, "episodes is 0"),
        ({"ways": 1}, "ways is 1"),
        ({"learners": [HeadOnly(), HeadOnly(steps=1)]}, "give each only once"),
    ],
)
def test_settings_that_make_no_sense(options: dict[str, Any], words: str) -> None:
    with pytest.raises(InputError, match=words):
        FewShotEvaluation(**options)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({}, "fewer than queries and the most shots together, 35"),
        ({**FAST, "ways": 4}, "ways is 4, but there are 3 test classes"),
        ({**FAST, "learners": []}, "give at least one learner"),
    ],
)
def test_what_it_cannot_evaluate(options: dict[str, Any], words: str, tiny_data: Make) -> None:
    with pytest.raises(InputError, match=words):
        FewShotEvaluation(**options).check(episode_model(), joint_data())
    with pytest.raises(InputError, match="which TinyData does not keep"):
        FewShotEvaluation().check(episode_model(), tiny_data())
