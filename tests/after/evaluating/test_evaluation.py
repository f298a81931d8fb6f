"""A trained model on labelled tables: what is measured, what is told and what is refused."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from lightning.pytorch import Trainer
from PIL import Image
from torchvision.transforms.v2 import Normalize

import multitask
from multitask import MultiTask
from multitask.after.evaluating.comparison import check_same, compare
from multitask.after.evaluating.evaluation import Results, evaluate
from multitask.after.evaluating.evaluation_files import write_evaluation
from multitask.after.evaluating.worst_samples import worst
from multitask.after.labelled_samples import own_samples
from multitask.after.labelled_table import labelled_table
from multitask.after.trained_model import TrainedModel
from multitask.data import Table
from multitask.data.splits import GroupedSplit
from multitask.encoders import MLP
from multitask.errors import InputError
from multitask.geometry import Positions
from multitask.tables.target_columns import TargetColumns
from multitask.tasks import Classification, Regression

ROWS = 60


def images(folder: Path, first: int = 0) -> Path:
    """Images of 8x8 pixels of noise, brighter with their number."""
    folder.mkdir()
    for number in range(ROWS):
        generator = np.random.default_rng(first + number)
        pixels = generator.integers(0, 100 + 2 * number, (8, 8), dtype=np.uint8)
        Image.fromarray(pixels).save(folder / f"{number}.png")
    return folder


def rows(**columns: Any) -> pd.DataFrame:
    numbers = np.arange(ROWS)
    generator = np.random.default_rng(0)
    own = {
        "photo": [f"{each}" for each in numbers],
        "animal": np.where(numbers % 3 == 0, "cat", np.where(numbers % 3 == 1, "dog", "owl")),
        "grams": 100.0 + numbers,
        "x": generator.uniform(0, 8, ROWS).round(2),
        "y": generator.uniform(0, 8, ROWS).round(2),
        "site": [f"s{each // 3}" for each in numbers],
    }
    return pd.DataFrame(own | columns)


def written(table: pd.DataFrame, path: Path) -> Path:
    table.to_csv(path, sep=";", index=False)
    return path


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("evaluation")


@pytest.fixture(scope="module")
def checkpoints(place: Path) -> tuple[Path, Path]:
    """Of one table, after few steps and after some more."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MULTITASK_CACHE", str(place / "cache"))
        path = written(rows(), images(place / "trained") / "table.csv")
        data = Table(
            {
                "species": TargetColumns("animal", ["cat", "dog", "owl"], missing=["?"]),
                "weight": TargetColumns("grams"),
                "spot": TargetColumns(["x", "y"], follows=Positions()),
            },
            path=path,
            image_column="photo",
            image_ending=".png",
            separator=";",
            image_size=4,
            channels=1,
            split=GroupedSplit("site", val=0.3, test=0.3),
            batch_size=8,
            seed=0,
            transforms=[Normalize([0.3], [0.2])],
        )
        torch.manual_seed(0)
        tasks = {
            "species": Classification(3),
            "weight": Regression(unit=" g"),
            "spot": Regression(2),
        }
        model = MultiTask(MLP(16, hidden=[], out_features=8), tasks)
        options: dict[str, Any] = {"accelerator": "cpu", "logger": False, "max_epochs": 1}
        options |= {"enable_checkpointing": False, "enable_progress_bar": False}
        trainer = Trainer(**options, enable_model_summary=False)
        trainer.fit(model, datamodule=data)
        trainer.save_checkpoint(place / "first.ckpt")
        trainer.fit_loop.max_epochs = 10
        trainer.fit(model, datamodule=data)
        trainer.save_checkpoint(place / "second.ckpt")
    return place / "first.ckpt", place / "second.ckpt"


@pytest.fixture(scope="module")
def trained(checkpoints: tuple[Path, Path]) -> TrainedModel:
    return multitask.load(checkpoints[1], device="cpu")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return images(tmp_path / "new", first=1000)


@pytest.fixture
def evaluated(trained: TrainedModel, folder: Path) -> Callable[..., Results]:
    def run(table: pd.DataFrame | None = None, **options: Any) -> Results:
        path = written(rows() if table is None else table, folder / "labels.csv")
        return evaluate(trained, labelled_table(trained, path, **options), resamples=60)

    return run


def test_the_checkpoint_alone_reads_a_table_with_the_same_columns(
    evaluated: Callable[..., Results],
) -> None:
    found = evaluated()
    assert list(found.tasks) == ["species", "weight", "spot"]
    assert found.samples.groups is not None
    assert found.samples.groups.name == "site"
    assert [each.labelled for each in found.tasks.values()] == [ROWS] * 3
    assert found.tasks["species"].units == ROWS // 3
    # From 8x8 pixels to 4x4.
    assert float(found.tasks["spot"].targets.max()) < 4
    for task in found.tasks.values():
        for each in task.estimates.values():
            assert each.low <= each.value + 1e-6
            assert each.high >= each.value - 0.05


def test_values_are_those_of_a_test(
    trained: TrainedModel, evaluated: Callable[..., Results], trainer: Callable[..., Trainer]
) -> None:
    found = evaluated()
    batch = found.samples.batch(torch.arange(ROWS))
    outputs = trained.model(batch["image"])
    for name, task in trained.model.named_tasks.items():
        metrics = task.metrics()
        task.update_metrics(metrics, outputs[name], batch[name])
        for metric, value in metrics.compute().items():
            assert found.estimate(name, metric).value == pytest.approx(float(value), rel=1e-5)
        sums, weights = task.loss(outputs[name], batch[name])
        wanted = float(sums / weights)
        assert found.estimate(name, "loss").value == pytest.approx(wanted, rel=1e-5)


def test_says_which_images_were_trained_on(
    trained: TrainedModel, place: Path, evaluated: Callable[..., Results]
) -> None:
    assert trained.training_images is not None
    found = evaluate(trained, labelled_table(trained, place / "trained/table.csv"), resamples=10)
    assert found.seen is not None
    assert found.seen.sum() == len(trained.training_images)
    new = evaluated()
    assert new.seen is not None
    assert not new.seen.any()


def test_labels_that_are_missing_or_unknown_and_broken_images_are_told(
    evaluated: Callable[..., Results], folder: Path
) -> None:
    table = rows()
    table["animal"] = table["animal"].astype(object)
    table.loc[0, "animal"], table.loc[1, "animal"], table.loc[2, "animal"] = None, "?", "unicorn"
    table["grams"] = table["grams"].astype(object)
    table.loc[3, "grams"] = "heavy"
    (folder / "4.png").write_bytes(b"no image")
    (folder / "5.png").unlink()
    found = evaluated(table)
    assert len(found.samples) == ROWS - 2
    assert found.tasks["species"].labelled == ROWS - 2 - 3
    assert found.tasks["weight"].labelled == ROWS - 2 - 1
    assert sorted(found.samples.skipped["kind"]) == [
        "missing_file",
        "unknown_class",
        "unreadable_image",
        "unreadable_target",
    ]
    assert "unknown_class: 1" in " ".join(found.samples.remarks)
    assert np.isnan(found.tasks["species"].losses[:3]).all()


def test_a_task_without_a_column_is_left_out_and_told(evaluated: Callable[..., Results]) -> None:
    found = evaluated(rows().drop(columns=["grams", "y"]))
    assert list(found.tasks) == ["species"]
    assert "weight, spot" in found.samples.remarks[0]


def test_columns_called_like_the_tasks_count_too(evaluated: Callable[..., Results]) -> None:
    table = rows().rename(columns={"animal": "species", "x": "spot.x", "y": "spot.y"})
    assert list(evaluated(table).tasks) == ["species", "weight", "spot"]
    numbers = table.assign(species=np.arange(ROWS) % 3)
    found = evaluated(numbers)
    assert found.tasks["species"].targets.tolist() == (np.arange(ROWS) % 3).tolist()


def test_no_column_at_all_is_refused_with_the_names(evaluated: Callable[..., Results]) -> None:
    with pytest.raises(InputError, match=r"'animal', or 'grams', or 'x' and 'y'; its columns: pho"):
        evaluated(rows()[["photo", "site"]])


def test_what_is_not_there_is_refused(evaluated: Callable[..., Results], folder: Path) -> None:
    with pytest.raises(InputError, match="group is 'sit', but .* did you mean 'site'"):
        evaluated(group="sit")
    with pytest.raises(InputError, match="no column 'picture'"):
        evaluated(image_column="picture")
    for each in folder.glob("*.png"):
        each.unlink()
    with pytest.raises(InputError, match="no row is left"):
        evaluated()


@pytest.mark.parametrize("count", [1, 2, 9])
def test_few_rows_have_values_and_no_interval(
    evaluated: Callable[..., Results], count: int
) -> None:
    found = evaluated(rows()[:count])
    for task in found.tasks.values():
        for each in task.estimates.values():
            assert each.low != each.low
            assert each.why


def test_labels_that_are_all_missing_or_all_the_same(evaluated: Callable[..., Results]) -> None:
    found = evaluated(rows(animal=None, grams=7.0))
    assert found.tasks["species"].labelled == 0
    assert found.estimate("species", "accuracy").why == "no sample has a label"
    assert "undefined" in found.estimate("weight", "r2").why
    assert found.estimate("weight", "mae").low < found.estimate("weight", "mae").high


def test_worst_samples_come_first(evaluated: Callable[..., Results]) -> None:
    table = rows()
    table.loc[7, "grams"] = 9000.0
    found = evaluated(table)
    places = worst(found, "weight", 24)
    assert places[0] == 7
    losses = found.tasks["weight"].losses[places]
    assert (np.diff(losses) <= 0).all()
    assert found.samples.name(7) == "7.png"


def test_groups_are_drawn_as_a_whole(evaluated: Callable[..., Results]) -> None:
    one = evaluated(group="site").estimate("weight", "mae")
    alone = evaluated(rows().drop(columns="site")).estimate("weight", "mae")
    # Neighbours are alike, so that groups of them say less.
    assert one.high - one.low > 1.2 * (alone.high - alone.low)
    assert one.value == pytest.approx(alone.value)


def test_two_checkpoints_are_compared_on_the_same_draws(
    trained: TrainedModel, checkpoints: tuple[Path, Path], folder: Path
) -> None:
    path = written(rows(), folder / "labels.csv")
    other = multitask.load(checkpoints[0], device="cpu")
    samples, others = (labelled_table(each, path) for each in (trained, other))
    assert check_same(samples, others) == ["species", "weight", "spot"]
    results, before = evaluate(trained, samples, 99), evaluate(other, others, 99)
    changes = {(each.task, each.metric): each for each in compare(results, before)}
    change = changes["weight", "mae"]
    estimate = results.estimate("weight", "mae")
    assert change.difference == pytest.approx(
        estimate.value - before.estimate("weight", "mae").value
    )
    assert change.low <= change.difference <= change.high
    heads = [each for each in changes.values() if each.p_value == each.p_value]
    assert [each.metric for each in heads] == ["accuracy", "r2", "r2"]
    assert all(each.adjusted >= each.p_value for each in heads)
    same = compare(results, results)
    assert all(each.difference == 0 and each.p_value in (1, each.p_value) for each in same)


def test_other_rows_are_not_compared(
    trained: TrainedModel, checkpoints: tuple[Path, Path], folder: Path
) -> None:
    one = labelled_table(trained, written(rows(), folder / "one.csv"))
    two = labelled_table(trained, written(rows()[1:], folder / "two.csv"))
    with pytest.raises(InputError, match="60 of .*one.csv and 59 of .*two.csv"):
        check_same(one, two)
    labels = rows(grams=1.0)
    three = labelled_table(trained, written(labels, folder / "three.csv"))
    with pytest.raises(InputError, match="their targets of 'weight' differ"):
        check_same(one, three)


def test_everything_is_written(
    trained: TrainedModel, evaluated: Callable[..., Results], tmp_path: Path
) -> None:
    table = rows()
    table.loc[0, "photo"] = "nowhere"
    found = evaluated(table)
    place = tmp_path / "out"
    place.mkdir()
    page = write_evaluation(found, place, compare(found, found), "other.ckpt").read_text()
    assert "the 24 largest losses" in page
    assert "No image was trained on" in page
    metrics = pd.read_csv(place / "metrics.csv")
    assert set(metrics["task"]) == set(found.tasks)
    assert {"value", "low", "high", "n", "groups", "trivial"} <= set(metrics)
    samples = pd.read_csv(place / "predictions.csv")
    assert len(samples) == ROWS - 1
    assert {"file", "species", "species.target", "species.loss", "spot.x.target"} <= set(samples)
    assert len(pd.read_csv(place / "skipped.csv")) == 1
    assert len(pd.read_csv(place / "differences.csv")) == len(metrics)
    assert (place / "figures/species.png").is_file()


def test_a_checkpoint_alone_has_no_data_of_its_own(trained: TrainedModel) -> None:
    with pytest.raises(InputError, match="is not in a run's folder.*give a table"):
        own_samples(trained, "test", None)


def test_from_python_it_is_one_line(trained: TrainedModel, folder: Path) -> None:
    path = written(rows(), folder / "labels.csv")
    assert trained.evaluate(path, resamples=20).estimate("species", "accuracy").value >= 0
