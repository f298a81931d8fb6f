"""The CSV file of metrics: nothing is lost, and nothing stands in it twice."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest
from lightning.pytorch.utilities import rank_zero_only

from multitask.runs.metrics_file import MetricsFile


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "run" / "metrics.csv"


def rows(path: Path) -> list[list[str]]:
    with path.open(newline="") as file:
        return list(csv.reader(file))


def test_each_value_is_a_row_at_once(path: Path) -> None:
    MetricsFile(path).log_metrics({"train/loss": 0.1, "epoch": 3, "val/score": 1 / 3}, step=7)
    assert rows(path) == [
        ["step", "epoch", "name", "value"],
        ["7", "3", "train/loss", "0.1"],
        ["7", "3", "val/score", repr(1 / 3)],
    ]


def test_value_without_an_epoch_leaves_its_column_empty(path: Path) -> None:
    MetricsFile(path).log_metrics({"loss": float("nan")}, step=0)
    assert rows(path)[1:] == [["0", "", "loss", "nan"]]


def test_existing_file_is_continued(path: Path) -> None:
    for step in range(2):
        MetricsFile(path).log_metrics({"loss": 1.0}, step=step)
    assert [row[0] for row in rows(path)] == ["step", "0", "1"]


def test_rewinding_moves_later_rows_aside(path: Path) -> None:
    file = MetricsFile(path)
    for step in range(5):
        file.log_metrics({"loss": float(step)}, step=step)
    file.rewind(3)
    assert [row[0] for row in rows(path)] == ["step", "0", "1", "2"]
    assert [row[0] for row in rows(path.with_name("metrics-dropped.csv"))] == ["step", "3", "4"]
    file.log_metrics({"loss": 9.0}, step=3)
    file.rewind(3)
    dropped = rows(path.with_name("metrics-dropped.csv"))
    assert [row[3] for row in dropped] == ["value", "3.0", "4.0", "9.0"]
    assert not list(path.parent.glob("*.part"))


def test_rewinding_to_the_end_changes_nothing(path: Path) -> None:
    file = MetricsFile(path)
    file.rewind(0)
    assert not path.exists()
    file.log_metrics({"loss": 1.0}, step=4)
    before = path.read_bytes()
    file.rewind(5)
    assert path.read_bytes() == before
    assert not path.with_name("metrics-dropped.csv").exists()


def test_rewinding_to_a_size_keeps_rows_of_the_same_step(path: Path) -> None:
    file = MetricsFile(path)
    assert file.size == 0
    file.log_metrics({"before": 1.0}, step=3)
    size = file.size
    file.log_metrics({"after": 2.0}, step=3)
    file.rewind(3, size)
    assert file.size == size
    assert [row[2] for row in rows(path)] == ["name", "before"]
    assert [row[2] for row in rows(path.with_name("metrics-dropped.csv"))] == ["name", "after"]


def logged(path: Path) -> tuple[MetricsFile, int]:
    """A file with rows of three steps, and its size at a checkpoint after two."""
    file = MetricsFile(path)
    for step in range(2):
        file.log_metrics({"loss": 1 / (step + 3)}, step=step)
    size = file.size
    file.log_metrics({"loss": 0.5}, step=2)
    return file, size


def test_a_byte_order_mark_changes_no_row(path: Path, recwarn: pytest.WarningsRecorder) -> None:
    file, size = logged(path)
    path.write_bytes(b"\xef\xbb\xbf" + path.read_bytes())
    file.rewind(2, size)
    assert [row[3] for row in rows(path)] == ["value", repr(1 / 3), repr(1 / 4)]
    assert file.size == size
    assert [row[3] for row in rows(path.with_name("metrics-dropped.csv"))] == ["value", "0.5"]
    assert not recwarn.list


@pytest.mark.parametrize(
    ("old", "new"), [(b"\r\n", b"\n"), (b"loss", b"train/loss"), (b"0.5", b"")]
)
def test_a_row_of_an_edited_file_is_whole_wherever_the_size_cuts_it(
    old: bytes, new: bytes, path: Path
) -> None:
    file, size = logged(path)
    path.write_bytes(path.read_bytes().replace(old, new))
    file.rewind(2, size)
    dropped = path.with_name("metrics-dropped.csv")
    assert [row[3] for row in rows(path)] == ["value", repr(1 / 3), repr(1 / 4)]
    assert [row[3] for row in rows(dropped)] == ["value", new.decode() if old == b"0.5" else "0.5"]


def test_row_that_a_crash_cut_short_is_moved_aside(path: Path) -> None:
    file = MetricsFile(path)
    file.log_metrics({"loss": 1.0}, step=0)
    with path.open("a") as raw:
        raw.write("1,0,lo")
    file.rewind(9)
    assert [row[0] for row in rows(path)] == ["step", "0"]


def test_only_the_first_process_writes(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rank_zero_only, "rank", 1)
    MetricsFile(path).log_metrics({"loss": 1.0}, step=0)
    assert not path.exists()


def test_checkpoints_of_a_plain_trainer_go_beside_it(path: Path) -> None:
    file = MetricsFile(path)
    assert Path(file.save_dir, file.name, file.version) == path.parent
