"""The data's tables in a run's folder, and runs whose data have changed."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from unittest.mock import MagicMock

import pytest
from lightning.pytorch import Trainer
from pandas import DataFrame

from multitask import MultiTask
from multitask.data import DataModule
from multitask.errors import InputError
from multitask.runs.data_record import DataRecord

Record = Callable[[DataFrame | None], Trainer]
FILES = ["ä.png", "b.png", "NA", "b.png"]

pytestmark = pytest.mark.filterwarnings("ignore")


def splits(files: list[str], parts: list[str], first_row: int = 2) -> DataFrame:
    rows = range(first_row, first_row + len(files))
    return DataFrame({"file": files, "row": rows, "split": parts})


FIRST = splits(FILES, ["train", "val", "test", "train"])


@pytest.fixture
def record(
    tmp_path: Path,
    tiny_data: Callable[..., DataModule],
    tiny_model: Callable[..., MultiTask],
    trainer: Callable[..., Trainer],
    monkeypatch: pytest.MonkeyPatch,
) -> Record:
    """A part of a run whose data keep a table of splits, and one of another kind."""

    def run(table: DataFrame | None) -> Trainer:
        other = {"other.csv": DataFrame({"a": [1]})}
        records: dict[str, Any] = {} if table is None else {"splits.csv": table, **other}
        data = tiny_data()
        monkeypatch.setattr(data, "records", lambda: records)
        made = trainer(callbacks=[DataRecord(tmp_path)], limit_train_batches=1)
        made.fit(tiny_model(), data)
        made.test(tiny_model(), data, verbose=False)
        return made

    return run


@pytest.fixture
def evaluate(
    tmp_path: Path, tiny_data: Callable[..., DataModule], monkeypatch: pytest.MonkeyPatch
) -> Callable[[DataFrame], None]:
    """The beginning of a test of the run's checkpoint."""

    def begin(table: DataFrame) -> None:
        data = tiny_data()
        monkeypatch.setattr(data, "records", lambda: {"splits.csv": table})
        trainer: Any = SimpleNamespace(
            datamodule=data,
            is_global_zero=True,
            strategy=SimpleNamespace(broadcast=lambda refusal: refusal),
        )
        folder = tmp_path / "test" / str(len(list(tmp_path.glob("test/*"))))
        folder.mkdir(parents=True)
        DataRecord(folder, tmp_path).setup(trainer, MagicMock(), "test")

    return begin


def test_tables_are_written_once_a_part(record: Record, tmp_path: Path) -> None:
    record(FIRST)
    assert sorted(path.name for path in tmp_path.glob("*.csv")) == ["other.csv", "splits.csv"]
    content = (tmp_path / "splits.csv").read_bytes()
    assert content.decode("utf-8").splitlines()[:2] == ["file,row,split", "ä.png,2,train"]
    record(FIRST)
    assert (tmp_path / "splits.csv").read_bytes() == content
    assert (tmp_path / "splits-2.csv").read_bytes() == content


def test_samples_that_a_checkpoint_was_trained_on_are_told_of(
    tmp_path: Path, evaluate: Callable[[DataFrame], None], record: Record
) -> None:
    names = ["a.png", "b.png", "c.png", "twice.png", "d.png", "twice.png"]
    parts = ["train", "train", "val", "train", "test", "test"]
    record(splits(names, parts))
    with warnings.catch_warnings():
        warnings.simplefilter("error", UserWarning)
        evaluate(splits(names, parts))
        evaluate(splits(["x.png", "c.png"], ["test", "test"]))
    expected = f"2 of the 3 test samples, such as a.png, have the names .* of {tmp_path}, because"
    with pytest.warns(UserWarning, match=expected):
        evaluate(splits(names, ["test", "test", "val", "train", "train", "test"]))


def test_data_without_tables_write_none(record: Record, tmp_path: Path) -> None:
    record(None)
    assert not list(tmp_path.glob("*.csv"))


def test_other_row_numbers_are_no_change(record: Record, tmp_path: Path) -> None:
    record(FIRST)
    record(splits(FILES, FIRST["split"].tolist(), first_row=3))
    assert (tmp_path / "splits-2.csv").exists()


@pytest.mark.parametrize(
    ("files", "parts", "expected"),
    [
        (FILES, ["train", "test", "test", "train"], "1 sample has moved to another split, 0 added"),
        (FILES, ["val", "train", "test", "val"], "3 samples have moved to another split, 0 added"),
        (
            ["c.png", *FILES[:3]],
            ["train", "train", "train", "test"],
            "1 sample has moved to another split, 1 added and 1 removed",
        ),
        (
            ["NA", *FILES[:2], "b.png"],
            ["test", "train", "val", "train"],
            "the order of the samples has changed",
        ),
    ],
)
def test_a_run_whose_splits_have_changed_does_not_go_on(
    record: Record, tmp_path: Path, files: list[str], parts: list[str], expected: str
) -> None:
    record(FIRST)
    with pytest.raises(InputError) as refused:
        record(splits(files, parts))
    assert str(refused.value).startswith(f"{tmp_path / 'splits.csv'}: ")
    assert expected in str(refused.value)
    assert not (tmp_path / "splits-2.csv").exists()
