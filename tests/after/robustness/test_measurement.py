"""What a trained model does under attack, in numbers, words and files."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

import pytest
import torch
from after.made_models import SHAPE, trained, two_tasks
from torch import Tensor, nn
from torchvision.transforms import v2

from multitask.after.evaluating.evaluation import evaluate
from multitask.after.labelled_samples import LabelledSamples
from multitask.after.robustness.changed_samples import ChangedImages, chosen_samples
from multitask.after.robustness.measurement import Robustness, measure
from multitask.after.robustness.page import write_robustness
from multitask.after.robustness.plan import Plan
from multitask.after.robustness.sanity import warnings_of
from multitask.after.robustness.words import of_alone
from multitask.after.trained_model import TrainedModel
from multitask.data.dataset import InMemory
from multitask.encoders import ConvNet, TimmMaps
from multitask.errors import InputError
from multitask.robustness import Attack
from multitask.tasks import DenseRegression, Segmentation

COUNT = 30
QUICK = Plan([0.02, 0.2], [0.5], 3, 2, corruptions={"jpeg": [20], "blur": None}, resamples=20)
NORMALIZE = v2.Normalize([0.4], [0.2])


def samples(model: TrainedModel, count: int = COUNT, **targets: Tensor) -> LabelledSamples:
    """Random images of a made model, and targets."""
    generator = torch.Generator().manual_seed(1)
    images = torch.rand(count, *SHAPE, generator=generator)
    known = {"kind": torch.arange(count) % 3, "size": 100 + 10 * images.mean((1, 2, 3))}
    split = InMemory(images, targets or known)

    def prepare(batch: dict[str, Tensor]) -> dict[str, Tensor]:
        return {**batch, "image": model.transforms(batch["image"])}

    return LabelledSamples("<b>made", split, prepare, list(split.targets))


@pytest.fixture(scope="module")
def found() -> Robustness:
    model = trained(transforms=[NORMALIZE])
    return measure(model, samples(model), QUICK)


def test_more_is_worse_and_the_clean_values_are_those_of_an_evaluation(found: Robustness) -> None:
    results = found.clean.results
    expected = evaluate(results.trained, results.samples)
    for task in ("kind", "size"):
        assert found.clean.value(task, "loss") == expected.estimate(task, "loss").value
    assert [each.change.name for each in found.attacked] == ["inf-0.02", "inf-0.2", "2-0.5"]  # type: ignore[union-attr]
    losses = [found.clean.loss, *(each.loss for each in found.attacked[:2])]
    assert losses == sorted(losses)
    assert found.one_step is not None
    assert found.one_step.loss < found.attacked[1].loss
    assert [list(each.change.tasks) for each in found.alone] == [["kind"], ["size"]]  # type: ignore[union-attr]
    for each, task in zip(found.alone, ("kind", "size"), strict=True):
        assert each.value(task, "loss") > found.clean.value(task, "loss")
    assert len(found.corrupted) == 6
    assert warnings_of(found) == []
    assert "kind is hurt most by the attack on" in of_alone(found)


def test_every_number_is_in_the_files_and_names_are_only_names(
    found: Robustness, tmp_path: Path
) -> None:
    page = write_robustness(found, tmp_path).read_text()
    assert "<b>made" not in page
    assert "Nothing suggests otherwise" in page
    assert "blur: a standard deviation as a share" in page
    assert sorted(each.name for each in (tmp_path / "figures").iterdir()) == [
        "attacks-inf.png",
        "attacks-l2.png",
        "corruptions.png",
    ]
    with (tmp_path / "robustness.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    conditions = {(r["change"], r["norm"], r["size"], r["attacked"], r["steps"]) for r in rows}
    assert len(conditions) == 1 + 3 + 2 + 1 + 6
    under = [r for r in rows if r["change"] == "attack" and r["task"] == "kind"]
    assert {r["metric"] for r in under} >= {"accuracy", "loss"}
    told = json.loads((tmp_path / "robustness.json").read_text(), parse_constant=pytest.fail)
    assert told["samples"] == COUNT
    assert told["warnings"] == []
    assert len(told["metrics"]) == len(rows)


def test_batches_do_not_matter() -> None:
    model = trained(transforms=[NORMALIZE])
    given = chosen_samples(samples(model), 11)
    for change in (Attack(0.1, steps=2), *Plan(corruptions={"shot_noise": [9]}).corrupting()):
        losses = [
            evaluate(model, ChangedImages(model, given, change, 0).changed, 0, batch_size=size)
            for size in (4, 11)
        ]
        one, other = (each.estimate("size", "loss").value for each in losses)
        assert one == pytest.approx(other, rel=1e-5)


class Blind(ConvNet):
    """Sees nothing of its images."""

    def forward(self, image: Tensor) -> Tensor:
        return 0 * super().forward(image) + 1


def test_gradients_of_zero_are_told() -> None:
    model = trained(Blind(SHAPE[0], channels=(4, 8)))
    told = warnings_of(
        measure(model, samples(model), Plan([0.02, 0.2], [], 2, 1, None, False, resamples=9))
    )
    assert told[0].startswith(f"{COUNT} images of {COUNT} could not be attacked")
    assert "2 steps of L-inf 0.2 do no more harm than one" in told[1]


class Rounding(nn.Module):
    """Hides its gradients: images become black and white, and the way back is a straight one."""

    def forward(self, image: Tensor) -> Tensor:
        return (image > 0.5).float() - 1e-3 * (image - image.detach())


class Masked(ConvNet):
    def forward(self, image: Tensor) -> Tensor:
        return super().forward(Rounding()(image))


def test_gradients_that_mislead_are_told() -> None:
    model = trained(Masked(SHAPE[0], channels=(4, 8)))
    plan = Plan([0.001, 0.002], [], 5, 1, None, False, resamples=9)
    told = warnings_of(measure(model, samples(model), plan))
    assert any("no more harm" in each or "not get worse" in each for each in told)


def test_maps_one_task_missing_labels_and_one_image(tmp_path: Path) -> None:
    tasks: dict[str, Any] = {"mask": Segmentation(2), "depth": DenseRegression()}
    tasks["depth"].learn_statistics("depth", torch.rand(4, *SHAPE[1:]))
    encoder = TimmMaps("test_resnet", levels=[0, 1, 2], in_channels=1)
    model = trained(encoder, tasks)
    least = Plan([0.1], [], 1, 1, corruptions=False, resamples=5)
    mask = torch.arange(12 * 120).view(12, *SHAPE[1:]) % 2
    depth = torch.rand(12, *SHAPE[1:])
    depth[3:] = float("nan")
    found = measure(model, samples(model, 12, mask=mask, depth=depth), least)
    assert found.attacked[0].value("depth", "loss") > found.clean.value("depth", "loss")
    write_robustness(found, tmp_path)
    one = trained(tasks={"kind": two_tasks()["kind"]})
    single = samples(one, 1, kind=torch.tensor([1]))
    found = measure(one, single, least)
    assert found.alone == []
    write_robustness(found, tmp_path)
    unlabelled = samples(one, 3, kind=torch.full((3,), -100))
    write_robustness(measure(one, unlabelled, least), tmp_path)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"steps": 0}, "steps is 0"),
        ({"samples": 0}, "samples is 0"),
        ({"eps": [], "l2": [], "corruptions": False}, "nothing to measure"),
    ],
)
def test_plans_that_make_no_sense_are_refused(options: dict[str, Any], words: str) -> None:
    with pytest.raises(InputError, match=words):
        Plan(**options)


def test_what_cannot_be_attacked_is_refused() -> None:
    grey = trained(transforms=[v2.Grayscale()])
    with pytest.raises(InputError, match="data.transforms has Grayscale"):
        measure(grey, samples(grey), QUICK)
    model = trained()
    with pytest.raises(InputError, match="no sample"):
        measure(model, samples(model, 0), QUICK)
    with pytest.raises(InputError, match="so 8/255 is 0.0314"):
        measure(model, samples(model), Plan([8.0]))
