"""What ways to learn a new task from few labels are compared on."""

from __future__ import annotations

import json
import resource
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from after.made_models import described
from after.made_models import trained as made
from tiny_training import SAMPLES, TinyData
from torch import Tensor

from multitask.after.adapting.adaptation import Adaptation
from multitask.after.adapting.adapted_file import write_adapted
from multitask.after.adapting.measurement import adapt
from multitask.after.adapting.new_task import NewTask
from multitask.after.adapting.page import write_adaptation
from multitask.after.adapting.plan import LEARNERS, Plan
from multitask.after.adapting.tables import adaptation_table, cells, show_adaptation
from multitask.after.loading import load
from multitask.after.trained_model import TrainedModel
from multitask.data.duplicates import input_hashes
from multitask.encoders import MLP, ConvNet
from multitask.errors import InputError
from multitask.sharing import MMoE
from multitask.tasks import Classification, GaussianRegression, Regression, Segmentation, Task

SHAPE = (1, 4, 4)


class Grouped(TinyData):
    """The tiny data, two samples of which are of one patient, and some of none."""

    def groups(self, split: str) -> tuple[str, list[Any]]:
        names: list[Any] = [f"{split} {place // 2}" for place in range(SAMPLES)]
        names[5] = "both"
        names[0] = ""
        return "patient", names


def run(images: Tensor | None = None, **options: Any) -> TrainedModel:
    """A run whose tasks are others, and which knows its training images."""
    torch.manual_seed(0)
    found = made(MLP(16, [], 8), {"other": Regression()}, shape=SHAPE, **options)
    numbers = torch.zeros(1, dtype=torch.int64) if images is None else images
    told = described(found.model.named_tasks, SHAPE)
    return TrainedModel(found.model, told, (), "cpu", "made.ckpt", numbers)


def new(name: str, task: Task, data: TinyData | None = None) -> NewTask:
    loaded = data or TinyData()
    loaded.recipe_of_transforms = []
    loaded.setup()
    plain = {"task": {"class_path": "Classification"}, "data": {"class_path": "TinyData"}}
    return NewTask(name, task, loaded, 0, plain | {"seed_everything": 0})


def plan(*learners: str, shots: tuple[int, ...] = (1,), episodes: int = 1) -> Plan:
    """All but the slow learners."""
    names = learners or ("Prototypes",)
    return Plan(shots, episodes, names, None, bool(learners))


@pytest.fixture(scope="module")
def found() -> Adaptation:
    """Two learners on the classes."""
    return adapt(
        run(),
        new("kind", Classification(3)),
        plan("HeadOnly", "Prototypes", shots=(1, 2), episodes=3),
    )


def test_every_learner_meets_every_support_set(found: Adaptation) -> None:
    assert found.names == ["trivial predictor", "head only", "prototypes"]
    for name in found.names:
        for shots in (1, 2):
            assert len(found.values(name, shots, "accuracy")) == 3
    assert found.headline == "accuracy"
    assert len(found.sets.query) == 12
    mean, half_width = found.interval("prototypes", 2, "accuracy")
    values = found.values("prototypes", 2, "accuracy")
    assert mean == pytest.approx(np.mean(values))
    # Student's quantile for three values.
    assert half_width == pytest.approx(4.303 * np.std(values, ddof=1) / 3**0.5, rel=1e-3)


def test_a_result_is_that_of_the_network_alone(found: Adaptation) -> None:
    query = found.sets.query
    right = found.adapted["HeadOnly"].predict(query.inputs).argmax(1) == query.target
    assert found.values("head only", 2, "accuracy")[0] == pytest.approx(float(right.float().mean()))
    again = adapt(run(), found.new, Plan((2,), 1, ["HeadOnly"], None, True))
    assert again.values("head only", 2, "nll") == found.values("head only", 2, "nll")[:1]


def test_it_is_written_for_people_and_programs(found: Adaptation, tmp_path: Path) -> None:
    page = write_adaptation(found, tmp_path)
    assert page.is_file()
    assert (tmp_path / "figures" / "shots.png").is_file()
    text = (tmp_path / "report.md").read_text(encoding="utf-8")
    assert "mean over the episodes, which draw other labels for the same network" in text
    assert "batch normalisation keeps the running statistics of the run" in text
    table = pd.read_csv(tmp_path / "adaptation.csv")
    assert len(table) == len(adaptation_table(found))
    assert len(pd.read_csv(tmp_path / "episodes.csv")) == 3 * len(table)
    told = json.loads((tmp_path / "adaptation.json").read_text(encoding="utf-8"))
    assert told["headline"] == "accuracy"
    assert told["learners"]["head only"]["steps"] == 100
    assert show_adaptation(found).count("k =") == 2


def test_networks_are_written_as_runs(found: Adaptation, tmp_path: Path) -> None:
    paths = write_adapted(found, tmp_path / "out")
    assert len(paths) == 2
    query = found.sets.query
    for path, adapted in zip(paths, found.adapted.values(), strict=True):
        loaded = load(path, device="cpu")
        expected = adapted.predict(query.inputs)
        assert torch.equal(loaded.model.predict(*query.inputs)["kind"], expected)
        assert loaded.training_images is not None
        # Those of the run, and those of two labels of each class.
        assert len(loaded.training_images) == 1 + 6
        assert (path.parents[1] / "config.yaml").is_file()
    with pytest.raises(InputError, match="out already exists"):
        write_adapted(found, tmp_path / "out")


def test_a_full_disk_is_told_and_leaves_nothing(found: Adaptation, tmp_path: Path) -> None:
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, limits[1]))
    try:
        with pytest.raises(InputError, match=r"out cannot be written \(File too large\); choose"):
            write_adapted(found, tmp_path / "out")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert not list(tmp_path.iterdir())


def test_a_trunk_of_several_parts_is_written_too(tmp_path: Path) -> None:
    everything = Plan((1,), 1, list(LEARNERS), None, False)
    measured = adapt(run(sharing=MMoE), new("kind", Classification(3)), everything)
    paths = write_adapted(measured, tmp_path / "out")
    assert [path.parents[1].name for path in paths] == [
        "head_only",
        "prototypes",
        "all_parameters",
        "from_scratch",
    ]
    query = measured.sets.query
    for path, adapted in zip(paths, measured.adapted.values(), strict=True):
        loaded = load(path, device="cpu").model.predict(*query.inputs)["kind"]
        assert torch.equal(loaded, adapted.predict(query.inputs))


def test_images_that_the_run_has_seen_are_not_asked_about() -> None:
    data = TinyData()
    data.setup()
    hashes = torch.from_numpy(
        input_hashes(data.splits["test"], only="image", as_bytes=True).view(np.int64)
    )
    measured = adapt(run(hashes[:4]), new("kind", Classification(3)), plan())
    assert len(measured.sets.query) == 10
    assert measured.remarks[:2] == [
        "Query set: 10 of the 12 labelled samples of the test set of TinyData, the same for all.",
        "2 labelled samples of the test set were trained on by the run, and are not in the query "
        "set.",
    ]
    with pytest.raises(InputError, match="trained on all labelled samples of the test set"):
        adapt(run(hashes), new("kind", Classification(3)), plan())
    unknown = run()
    unknown.training_images = None
    told = adapt(unknown, new("kind", Classification(3)), plan()).remarks
    assert "its checkpoint does not record it" in told[1]


def test_kin_of_the_query_set_are_not_drawn() -> None:
    measured = adapt(run(), new("kind", Classification(3), Grouped()), plan())
    assert "1 labelled training sample shares an image or a patient with the query set, and is" in (
        " ".join(measured.remarks)
    )
    assert 5 not in measured.sets.allowed.tolist()
    images = torch.rand(SAMPLES, *SHAPE)
    same = TinyData(images=images)
    with pytest.raises(InputError, match="'kind' has 0 labels of class 0.*12 labelled training"):
        adapt(run(), new("kind", Classification(3), same), plan())


def test_an_image_is_drawn_once() -> None:
    class Twice(TinyData):
        def load(self) -> Any:
            splits = super().load()
            images = splits["train"]._inputs["image"]  # type: ignore[attr-defined]
            images[12:] = images[:12]
            return splits

    numbers = {"train": {"size": torch.arange(24.0)}}
    measured = adapt(run(), new("size", Regression(), Twice(numbers)), plan("HeadOnly"))
    assert len(measured.sets.allowed) == 12


@pytest.mark.parametrize(
    ("shots", "words"),
    [((5,), "adapt: 'kind' has 4 labels of class 0, fewer than 5 shots")],
)
def test_too_few_labels_are_told_before_training(shots: tuple[int, ...], words: str) -> None:
    with pytest.raises(InputError, match=words):
        adapt(run(), new("kind", Classification(3)), plan(shots=shots))


def test_numbers_are_learned_without_prototypes() -> None:
    both = Plan((1,), 1, ["HeadOnly", "Prototypes"], None, False)
    measured = adapt(run(), new("size", GaussianRegression()), both)
    assert measured.headline == "r2"
    assert list(measured.learners) == ["HeadOnly"]
    told = "Without prototypes, because 'size' is a GaussianRegression."
    assert told in measured.remarks
    with pytest.raises(InputError, match="Prototypes: 'size' is a Regression"):
        adapt(run(), new("size", Regression()), plan("Prototypes"))


def test_one_episode_has_no_interval() -> None:
    measured = adapt(run(), new("kind", Classification(3)), plan())
    assert measured.remarks[-1] == "An interval needs at least three episodes."
    assert all("±" not in cell for row in cells(measured) for cell in row)


def test_an_encoder_that_takes_other_inputs_is_told() -> None:
    data = TinyData(images=torch.rand(SAMPLES, 3, 4, 4))
    with pytest.raises(InputError, match="made.ckpt does not fit the inputs of TinyData: the MLP"):
        adapt(run(), new("kind", Classification(3), data), plan())


def test_images_of_another_size_are_told() -> None:
    trained = run()
    trained.model.encoder = ConvNet(1, [2], 1, 4)
    data = TinyData()
    data.setup()
    for split in data.splits.values():
        split._inputs["image"] = torch.rand(SAMPLES, 1, 6, 8)  # type: ignore[attr-defined]
    measured = adapt(trained, new("kind", Classification(3), data), plan())
    assert "The data's images have 6x8 pixels, and the run's 4x4." in measured.remarks


def test_maps_need_an_encoder_of_maps() -> None:
    maps: Mapping[str, Any] = {
        split: {"map": torch.zeros(SAMPLES, 4, 4, dtype=torch.long)}
        for split in ("train", "val", "test")
    }
    with pytest.raises(InputError, match="'map': "):
        adapt(run(), new("map", Segmentation(2), TinyData(maps)), plan("HeadOnly"))


def test_without_a_test_set_the_validation_set_is_asked() -> None:
    measured = adapt(run(), new("kind", Classification(3), TinyData(without=["test"])), plan())
    assert "of the validation set of TinyData" in measured.remarks[0]
    with pytest.raises(InputError, match="neither a test set nor a validation set"):
        adapt(run(), new("kind", Classification(3), TinyData(without=["test", "val"])), plan())
