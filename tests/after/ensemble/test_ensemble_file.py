"""An ensemble in one file: what every verb after training makes of it."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import torch
from after.made_models import CALIBRATION, checkpoint, number, pixels, trained
from torch.testing import assert_close

import multitask
from multitask import MultiTask
from multitask.after.ensemble.ensemble_model import EnsembleModel
from multitask.after.hub.card_facts import facts_of
from multitask.after.hub.hub_folder import write_hub_folder
from multitask.after.serving.answers import answers
from multitask.after.trained_model import TrainedModel
from multitask.checkpoints.format import KEY
from multitask.encoders import ConvNet
from multitask.ensembles.making import write_files
from multitask.ensembles.members import read_members
from multitask.errors import InputError
from multitask.tasks import Classification, Task

NAMES = ["kind", "kind.entropy", "size", "kind.mutual_information", "size.deviation"]


def tasks(seed: int) -> dict[str, Task]:
    """Each member standardises by numbers of its own."""
    size = number(100.0 + seed, 10.0 + seed, unit="mm")
    return {"kind": Classification(3, classes=["cat", "dog", "häst <b>"]), "size": size}


def member(path: Path, seed: int) -> Path:
    torch.manual_seed(seed)
    # Of several architectures, one trained in double precision.
    model = MultiTask(ConvNet(1, channels=(4, 8 + 4 * (seed % 2))), tasks(seed))
    return checkpoint(path, model.double() if seed == 2 else model)


@pytest.fixture(scope="module")
def paths(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """Checkpoints of three members."""
    folder = tmp_path_factory.mktemp("members")
    return [str(member(folder / f"{seed}.ckpt", seed)) for seed in range(3)]


@pytest.fixture(scope="module")
def file(paths: list[str], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The ensemble, alone in a folder."""
    folder = tmp_path_factory.mktemp("ensemble")
    write_files(read_members(paths, trust=False), folder)
    alone = tmp_path_factory.mktemp("alone") / "pooled.ckpt"
    return (folder / "checkpoints/ensemble.ckpt").rename(alone)


@pytest.fixture(scope="module")
def loaded(file: Path) -> TrainedModel:
    return multitask.load(file, device="cpu")


def test_it_predicts_what_its_members_predict_on_average(
    loaded: TrainedModel, paths: list[str]
) -> None:
    each = [multitask.load(path, device="cpu")(pixels(5)) for path in paths]
    found = loaded(pixels(5))
    assert sorted(found) == sorted(NAMES)
    for name in ("kind", "size"):
        right = torch.stack([one[name].float() for one in each]).mean(0)
        assert_close(found[name], right)
    columns = list(loaded.predict(list(pixels(2)[:, 0].numpy())).columns)
    assert {"kind.entropy", "kind.mutual_information", "size", "size.deviation"} <= set(columns)
    served = answers(loaded.description, {name: v[:1].numpy() for name, v in found.items()})
    assert served["kind"]["uncertainty"].keys() == {"entropy", "mutual_information"}
    assert served["size"]["uncertainty"].keys() == {"deviation"}


def test_its_weights_are_those_of_the_file_and_stay_where_they_were_read(file: Path) -> None:
    model = multitask.load(file, device="cpu").model
    assert isinstance(model, EnsembleModel)
    mapped = Path("/proc/self/maps").read_text() if Path("/proc/self/maps").exists() else ""
    assert not mapped or str(file) in mapped
    model.to("meta")
    assert {each.device.type for each in model.members.parameters()} == {"cpu"}
    assert model.tasks["size"].mean.device.type == "meta"
    # What computes elsewhere has a member's weights moved there.
    found = model(torch.zeros(2, 1, 12, 10, device="meta"))
    assert {each.device.type for each in found.values()} == {"meta"}
    assert model.double().members[0].dtype == torch.float64


def test_a_calibration_is_that_of_the_pooled_output(loaded: TrainedModel) -> None:
    told = {
        name: each | {"calibration": CALIBRATION[name]}
        for name, each in loaded.description["tasks"].items()
    }
    before = loaded(pixels(4))
    calibrated = TrainedModel(loaded.model, {**loaded.description, "tasks": told}, device="cpu")
    found = calibrated(pixels(4))
    assert_close(found["kind"], (before["kind"].log() / 0.5).softmax(1))
    assert_close(found["size.high"], before["size"] + 3)
    assert_close(found["size.deviation"], (before["size.deviation"].square() + 4).sqrt())
    TrainedModel(loaded.model, loaded.description, device="cpu")
    assert_close(loaded(pixels(4))["kind"], before["kind"])


def test_what_takes_one_network_says_so(loaded: TrainedModel, file: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="not a single network; use one of its members, such as"):
        loaded.embed(pixels(1))
    facts = facts_of(file, None, None, None)
    with pytest.raises(InputError, match="which a hub folder cannot hold; export it as one file"):
        write_hub_folder(loaded, tmp_path / "hub", facts)
    with pytest.raises(InputError, match="of an ensemble, which is not one network to train"):
        MultiTask.load_from_checkpoint(file)


def changed(content: dict[str, Any], damage: str) -> None:
    stamp = content[KEY]["ensemble"]
    match damage:
        case "format":
            stamp["format"] = 2
        case "no format":
            stamp["format"] = "one"
        case "members":
            stamp["members"] = []
        case "weights":
            content["state_dict"]["7.encoder.weight"] = torch.zeros(1)
        case "lacking":
            del content["state_dict"]["0.heads.kind.weight"]
        case "class":
            stamp["members"][0]["recipe"]["encoder"] = {"class_path": "subprocess.Popen"}


@pytest.mark.parametrize(
    ("damage", "reason"),
    [
        ("format", "format 2 of ensembles, and this version reads formats up to 1"),
        ("no format", "it has no ensemble format"),
        ("members", "it does not record how its members are built"),
        ("weights", "the weights '7.encoder.weight' belong to no member"),
        ("lacking", "member 1"),
        ("class", "member 1"),
    ],
)
def test_a_damaged_or_hostile_file_is_refused(
    file: Path, damage: str, reason: str, tmp_path: Path
) -> None:
    content = torch.load(file, weights_only=True)
    changed(content, damage)
    torch.save(content, tmp_path / "odd.ckpt")
    with pytest.raises(InputError, match=re.escape(reason)) as error:
        multitask.load(tmp_path / "odd.ckpt", device="cpu")
    assert "odd.ckpt" in str(error.value)


class Strange(Classification):
    """A task that predicts something else."""

    def predict(self, output: torch.Tensor) -> torch.Tensor:
        return output.sigmoid()


def test_a_task_that_cannot_be_pooled_is_refused() -> None:
    made = [trained(tasks={"kind": Strange(3)}).model for _ in range(2)]
    with pytest.raises(InputError, match="'kind' is a Strange, which does not define how"):
        EnsembleModel(made, ["one", "two"])
