"""The table of predictions: every sample once, in the data's order."""

from __future__ import annotations

import csv
from collections.abc import Callable, Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from lightning.pytorch import Trainer
from torch import Tensor

from multitask import MultiTask
from multitask.callbacks import PredictionTable
from multitask.data import DataModule
from multitask.tasks import Classification, Regression

FIRST: Any = SimpleNamespace(is_global_zero=True)


def rows(path: Path) -> list[dict[str, str]]:
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def test_rows_are_the_models_predictions_in_the_datas_order(
    tmp_path: Path, tiny_data: Callable[..., DataModule], tiny_model: Callable[..., MultiTask]
) -> None:
    model, data = tiny_model().eval(), tiny_data()
    data.setup()
    table = PredictionTable(tmp_path / "predictions.csv")
    # As the batches of several processes come: not in order.
    for indices in torch.tensor([5, 0, 23, 1, 7, 2]).split(4):
        batch = data.splits["test"][indices]
        table.on_predict_batch_end(FIRST, model, model.predict(batch["image"]), batch)
    table.on_predict_end(FIRST, model)
    found = rows(tmp_path / "predictions.csv")
    assert [int(row["index"]) for row in found] == [0, 1, 2, 5, 7, 23]
    for row in found:
        image = data.splits["test"].images(torch.tensor([int(row["index"])]))
        expected = model.predict(image)
        assert int(row["kind"]) == int(expected["kind"].argmax())
        assert abs(float(row["kind.probability"]) - float(expected["kind"].max())) < 1e-6
        assert abs(float(row["size"]) - float(expected["size"])) < 1e-4


def test_classes_are_called_by_their_names(
    tmp_path: Path, tiny_data: Callable[..., DataModule], tiny_model: Callable[..., MultiTask]
) -> None:
    model, data = tiny_model().eval(), tiny_data()
    data.setup()
    model.named_tasks["kind"].classes = ["cat", "dog", "owl"]  # type: ignore[assignment]
    table = PredictionTable(tmp_path / "predictions.csv")
    batch = data.splits["test"][torch.arange(24)]
    prediction = model.predict(batch["image"])
    table.on_predict_batch_end(FIRST, model, prediction, batch)
    table.on_predict_end(FIRST, model)
    named = [["cat", "dog", "owl"][number] for number in prediction["kind"].argmax(1)]
    assert [row["kind"] for row in rows(tmp_path / "predictions.csv")] == named


def test_names_that_only_the_data_know_count(
    tmp_path: Path,
    tiny_data: Callable[..., DataModule],
    tiny_model: Callable[..., MultiTask],
    trainer: Callable[..., Trainer],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    data = tiny_data()
    monkeypatch.setattr(data, "class_names", lambda: {"kind": ["cat", "dog", "owl"]})
    table = PredictionTable(tmp_path / "predictions.csv")
    trainer(callbacks=[table]).predict(tiny_model(), data, return_predictions=False)
    found = rows(tmp_path / "predictions.csv")
    assert {row["kind"] for row in found} <= {"cat", "dog", "owl"}
    assert list(found[0])[3:6] == [f"kind.probability.{name}" for name in ("cat", "dog", "owl")]


class Drawing(Regression):
    """Writes each prediction as a file of its own."""

    def columns(self, name: str, prediction: Tensor) -> dict[str, Tensor]:
        return {}

    def save(self, folder: Path, names: Sequence[str], prediction: Tensor) -> dict[str, list[str]]:
        folder.mkdir(parents=True, exist_ok=True)
        paths = [folder / f"{name}.npy" for name in names]
        for path, each in zip(paths, prediction, strict=True):
            np.save(path, each.numpy())
        return {folder.name: [str(path) for path in paths]}


@pytest.mark.parametrize(
    ("files", "stem"),
    [
        (None, "{}"),
        ([f"a/photo {place}.jpg" for place in range(24)], "photo {}"),
        ([f"{place}/photo.jpg" for place in range(24)], "{}"),
    ],
)
def test_predictions_that_are_no_columns_are_files(
    files: list[str] | None,
    stem: str,
    tmp_path: Path,
    tiny_data: Callable[..., DataModule],
    tiny_model: Callable[..., MultiTask],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    model, data = tiny_model(tasks={"kind": Classification(3), "size": Drawing()}), tiny_data()
    model.eval()
    data.setup()
    monkeypatch.setattr(data, "names", {"test": files}.get)
    first: Any = SimpleNamespace(is_global_zero=True, datamodule=data)
    table = PredictionTable(tmp_path / "predictions.csv")
    for indices in torch.tensor([5, 0, 23, 1]).split(2):
        batch = data.splits["test"][indices]
        with torch.no_grad():
            table.on_predict_batch_end(first, model, model.predict(batch["image"]), batch)
    assert len(list((tmp_path / "predictions/size").iterdir())) == 4
    table.on_predict_end(first, model)
    found = rows(tmp_path / "predictions.csv")
    assert [int(row["index"]) for row in found] == [0, 1, 5, 23]
    for row in found:
        assert row["size"] == f"predictions/size/{stem.format(row['index'])}.npy"
        image = data.splits["test"].images(torch.tensor([int(row["index"])]))
        expected = model.predict(image)["size"][0].detach().numpy()
        np.testing.assert_allclose(np.load(tmp_path / row["size"]), expected, rtol=1e-5)


def test_every_test_sample_has_a_row(
    tmp_path: Path,
    tiny_data: Callable[..., DataModule],
    tiny_model: Callable[..., MultiTask],
    trainer: Callable[..., Trainer],
) -> None:
    model, data = tiny_model(), tiny_data(batch_size=7)
    table = PredictionTable(tmp_path / "predictions.csv")
    trainer(callbacks=[table]).predict(model, data, return_predictions=False)
    assert [int(row["index"]) for row in rows(tmp_path / "predictions.csv")] == list(range(24))


def test_rows_have_their_file_where_samples_have_one(
    tmp_path: Path,
    tiny_data: Callable[..., DataModule],
    tiny_model: Callable[..., MultiTask],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    model, data = tiny_model().eval(), tiny_data()
    data.setup()
    names = {"test": [f"ä{place}.png" for place in range(24)]}
    monkeypatch.setattr(data, "names", names.get)
    first: Any = SimpleNamespace(is_global_zero=True, datamodule=data)
    table = PredictionTable(tmp_path / "predictions.csv")
    batch = data.splits["test"][torch.tensor([5, 0, 23])]
    table.on_predict_batch_end(first, model, model.predict(batch["image"]), batch)
    table.on_predict_end(first, model)
    found = rows(tmp_path / "predictions.csv")
    assert list(found[0])[:3] == ["index", "file", "kind"]
    assert [row["file"] for row in found] == ["ä0.png", "ä5.png", "ä23.png"]
