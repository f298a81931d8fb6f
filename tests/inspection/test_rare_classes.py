"""A class that a random split may leave out of validation or test is reported and divided."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest
import torch
import yaml
from PIL import Image

from multitask.cli.main import main
from multitask.inspection.rare_classes import rarest_class
from multitask.inspection.table_contents import read_contents


def write_table(folder: Path, sick: list[str | None], broken: tuple[int, ...] = ()) -> Path:
    for place in range(len(sick)):
        Image.new("L", (8, 8), place).save(folder / f"{place}.png")
    for place in broken:
        (folder / f"{place}.png").write_bytes(b"no image")
    table = folder / "table.csv"
    files = [f"{place}.png" for place in range(len(sick))]
    pd.DataFrame({"file_name": files, "sick": sick}).to_csv(table, index=False)
    return table


def experiment(folder: Path, table: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[str, str]:
    """The text that `init` writes, and the class of its split."""
    monkeypatch.chdir(folder)
    main(["init", str(table), "--output=written.yaml"])
    text = (folder / "written.yaml").read_text()
    split = yaml.safe_load(text)["data"]["init_args"]["split"]["class_path"]
    return " ".join(text.replace("#", "").split()), split.rpartition(".")[2]


RARE = ["no"] * 37 + ["yes"] * 3


def test_rows_are_stratified_where_a_class_is_rare(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    text, split = experiment(tmp_path, write_table(tmp_path, list(RARE)), monkeypatch)
    assert split == "StratifiedSplit"
    assert "Class 'yes' of sick has 3 rows" in text
    assert "by: sick" in text
    row = next(line for line in capsys.readouterr().out.splitlines() if line.startswith("| yes"))
    assert [int(each) for each in row.split("|")[2:5]] == [1, 1, 1]


@pytest.mark.parametrize(
    ("sick", "broken"),
    [
        (["no"] * 38 + ["yes"] * 2, ()),
        (RARE, (39,)),
    ],
    ids=["too few", "too few that can be used"],
)
def test_too_few_for_all_splits_are_told_of(
    sick: list[str | None],
    broken: tuple[int, ...],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    table = write_table(tmp_path, sick, broken)
    text, split = experiment(tmp_path, table, monkeypatch)
    assert split == "RandomSplit"
    assert "too few for all splits" in text


def test_which_class_is_rare(tmp_path: Path) -> None:
    def found(sick: list[str | None]) -> tuple[str, int, bool] | None:
        contents = read_contents(write_table(tmp_path, sick))
        rare = rarest_class(contents.targets, contents.rows)
        return rare and (rare.name, rare.rows, rare.can_be_stratified)

    assert found(["a"] * 30 + ["b"] * 30) is None
    assert found(["a"] * 30 + ["b"] * 20) == ("b", 20, True)
    # One cell is empty, and stands alone.
    assert found(["a"] * 30 + ["b"] * 20 + [None]) == ("b", 20, False)


def test_schedule_is_as_long_as_the_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    sick = [str(each) for each in torch.arange(60).remainder(2).tolist()]
    text, _ = experiment(tmp_path, write_table(tmp_path, list(sick)), monkeypatch)
    assert "T_max: run" in text
