"""What a table is read as."""

from __future__ import annotations

import json
import warnings
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from PIL import Image

from multitask.errors import InputError
from multitask.inspection.table_contents import read_contents

ROWS = 24
Cells = Mapping[str, Sequence[Any]]


@pytest.fixture
def table(tmp_path: Path) -> Callable[..., Path]:
    """Write a table and its images."""

    def write(
        columns: Cells,
        name: str = "t.csv",
        size: tuple[int, int] = (8, 6),
        mode: str = "L",
        **csv: Any,
    ) -> Path:
        names = [f"{row}.png" for row in range(ROWS)]
        for each in names:
            Image.new(mode, size).save(tmp_path / each)
        frame = pd.DataFrame({"file_name": names, **columns})
        path = tmp_path / name
        if path.suffix == ".csv":
            frame.to_csv(path, index=False, **csv)
        elif path.suffix == ".parquet":
            frame.to_parquet(path)
        else:
            rows = frame.to_dict("records")
            path.write_text("".join(json.dumps(each) + "\n" for each in rows))
        return path

    return write


def cycle(*choices: Any) -> list[Any]:
    return [choices[row % len(choices)] for row in range(ROWS)]


NUMBERS = [f"{row}.25" for row in range(ROWS)]


def test_columns_become_targets_or_are_left_out_with_a_reason(table: Callable[..., Path]) -> None:
    path = table(
        {
            "species": cycle("cat", "dog", ""),
            "weight (g)": cycle("1.5", "NA", "2.5", "3.25"),
            "landmark_1": NUMBERS,
            "landmark_0": cycle("1", "2"),
            "camera": cycle("one"),
            "later": cycle(""),
            "mask": cycle(*(f"{row}_mask.png" for row in range(ROWS))),
            "scan_id": cycle("a", "b", "c"),
        }
    )
    found = read_contents(path)
    assert {each.task: [c.name for c in each.columns] for each in found.targets} == {
        "species": ["species"],
        "weight_g": ["weight (g)"],
        "landmark": ["landmark_0", "landmark_1"],
    }
    species, weight, landmark = found.targets
    assert species.classes == {"cat": 8, "dog": 8}
    assert not weight.classes
    assert not landmark.classes
    assert landmark.size == 2
    assert found.missing == ["NA"]
    assert weight.columns[0].missing == 6
    assert {name: why.split(";")[0] for name, why in found.left_out.items()} == {
        "camera": "it is constant (always 'one')",
        "later": "all its cells are empty",
        "mask": "it names files that do not exist, such as '0_mask.png'",
        "scan_id": "it names things that occur in several rows",
    }
    assert "GroupedSplit and by: scan_id" in found.left_out["scan_id"]
    assert (found.split, found.group, found.channels) == (None, None, 1)


def test_numbered_classes_are_no_vector(table: Callable[..., Path]) -> None:
    found = read_contents(table({"digit_1": cycle("0", "1"), "digit_2": cycle("1", "2", "3")}))
    assert [each.task for each in found.targets] == ["digit_1", "digit_2"]
    assert all(each.classes for each in found.targets)


def test_axes_are_a_vector_whatever_their_cells(table: Callable[..., Path]) -> None:
    (target,) = read_contents(table({"eye_y": cycle("0", "1"), "eye_x": cycle("1", "2")})).targets
    assert (target.task, target.size, target.points, target.classes) == ("eye", 2, True, {})
    assert [each.limits for each in target.columns] == [(1, 2), (0, 1)]


def test_splits_and_groups_are_used_where_they_can_be(table: Callable[..., Path]) -> None:
    person = cycle("p1", "p2", "p3", "p4")
    found = read_contents(table({"w": NUMBERS, "patient": person}))
    assert found.group is not None
    assert (found.group.column.name, found.group.groups) == ("patient", 4)
    with_gap = [None, *person[1:]]
    found = read_contents(table({"w": NUMBERS, "patient": with_gap}))
    assert found.group is None
    assert "fill its 1 empty cells, and divide by them" in found.left_out["patient"]
    found = read_contents(table({"w": NUMBERS, "split": cycle("train", "dev", "test", "train")}))
    assert found.split is not None
    found = read_contents(table({"w": NUMBERS, "split": cycle("train", "test")}))
    assert found.split is not None
    assert found.split.lacking == ["val"]
    with_gap = [None, *cycle("train", "dev", "test")[1:]]
    with pytest.raises(InputError, match="column 'split' .* some of its cells are empty"):
        read_contents(table({"w": NUMBERS, "split": with_gap}))
    with pytest.raises(InputError, match="column 'split' .* 'vla' is not one of train, val, test"):
        read_contents(table({"w": NUMBERS, "split": cycle("train", "vla", "test")}))


@pytest.mark.parametrize("name", ["t.parquet", "t.jsonl"])
def test_tables_with_types(table: Callable[..., Path], name: str) -> None:
    points = [[row + 0.5, 2.0] for row in range(ROWS)]
    found = read_contents(table({"digit": cycle(0, 1, 2), "points": points}, name))
    digit, vector = found.targets
    assert digit.classes == {"0": 8, "1": 8, "2": 8}
    assert (vector.task, vector.size) == ("points", 2)


def test_the_separator_is_found(table: Callable[..., Path]) -> None:
    found = read_contents(table({"w": NUMBERS}, sep=";"))
    assert found.separator == ";"
    assert [each.task for each in found.targets] == ["w"]


@pytest.mark.parametrize(
    ("size", "used"),
    [
        ((8, 6), (6, 8)),
        ((63, 50), (50, 63)),
        ((64, 64), (64, 64)),
        ((100, 70), (64, 96)),
        ((1000, 500), (128, 224)),
        ((900, 20), (32, 224)),
    ],
)
def test_the_size_of_images(
    table: Callable[..., Path], size: tuple[int, int], used: tuple[int, int]
) -> None:
    found = read_contents(table({"w": NUMBERS}, size=size, mode="RGB"))
    assert found.images is not None
    assert found.images.size == used
    assert found.channels == 3


def test_images_turned_by_their_exif_data_are_turned(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[274] = 6
    for row in range(ROWS):
        Image.new("RGB", (9, 5)).save(tmp_path / f"{row}.jpg", exif=exif)
    frame = pd.DataFrame({"photo": [f"{row}.jpg" for row in range(ROWS)], "w": NUMBERS})
    frame.to_csv(tmp_path / "t.csv", index=False)
    found = read_contents(tmp_path / "t.csv")
    assert found.image is not None
    assert found.images is not None
    assert found.image.name == "photo"
    assert found.images.size == (9, 5)


def test_what_cannot_be_read_is_told(table: Callable[..., Path], tmp_path: Path) -> None:
    path = table({"w": NUMBERS})
    copies = table({"w": NUMBERS, "copy": cycle("a.png", "b.png")}, "b.csv")
    empty = table({"w": NUMBERS, "none": cycle("")}, "c.csv")
    constant = table({"same": cycle("x"), "none": cycle("")}, "d.csv")
    (tmp_path / "elsewhere").mkdir()
    for arguments, says in [
        ((path, "fil_name"), "no column 'fil_name' for the images; did you mean 'file_name'?"),
        ((path, None, tmp_path / "elsewhere"), "none of the images of .*'0.png': there is no file"),
        (
            (path, None, tmp_path / "nowhere"),
            "--image_folder is .*nowhere, which does not exist",
        ),
        ((empty, "none"), "column 'none': every cell is empty"),
        ((table({}, "a.csv"),), "no column to learn besides its images in 'file_name'; add"),
        (
            (constant,),
            "in 'file_name', 'same': it is constant \\(always 'x'\\), 'none': all its cells",
        ),
        ((copies, "copy"), "none of the images of .*, such as 'a.png'"),
    ]:
        with pytest.raises(InputError, match=says):
            read_contents(*arguments)  # type: ignore[arg-type]
    frame = pd.DataFrame({"name": [f"x{row}" for row in range(ROWS)], "w": NUMBERS})
    frame.to_csv(path, index=False)
    with pytest.raises(InputError, match="no column of image files.*one of 'name', 'w'"):
        read_contents(path)
    several = {"left": ["1.png"] * ROWS, "right": ["2.png"] * ROWS}
    frame.assign(**several).to_csv(path, index=False)
    with pytest.raises(InputError, match="several columns of images, 'left', 'right'"):
        read_contents(path)


def test_a_folder_that_has_the_images_is_suggested(
    table: Callable[..., Path], tmp_path: Path
) -> None:
    path = table({"w": NUMBERS})
    (tmp_path / "images").mkdir()
    for file in tmp_path.glob("*.png"):
        file.rename(tmp_path / "images" / file.name)
    with pytest.raises(InputError, match="did you mean --image_folder=.*images"):
        read_contents(path)
    assert read_contents(path, None, tmp_path / "images").images.looked_at == ROWS


def test_why_images_cannot_be_used_is_told(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "data").mkdir()
    path = tmp_path / "data" / "t.csv"

    def refusal(name: str, table: Path = path) -> str:
        frame = pd.DataFrame({"file": [name.format(row) for row in range(ROWS)], "w": NUMBERS})
        frame.to_csv(table, index=False)
        with pytest.raises(InputError) as error:
            read_contents(table, "file")
        return str(error.value)

    for row in range(ROWS):
        Image.new("L", (4, 4)).save(tmp_path / "real" / f"{row}.png")
        Image.new("L", (4, 4)).save(tmp_path / "real" / f"{row}.ppm")
        (tmp_path / "data" / f"{row}.png").symlink_to(tmp_path / "real" / f"{row}.png")
    assert "'0.png': a symbolic link leads outside" in refusal("{}.png")
    assert "0.png': the path leads outside" in refusal(f"{tmp_path}/real/{{}}.png")
    in_real = tmp_path / "real" / "t.csv"
    assert "; did you mean '0.p" in refusal("{}.jpg", in_real)
    assert "0.ppm; it should be one of BMP, GIF, JPEG" in refusal("{}.ppm", in_real)


def test_huge_images_are_no_warning(table: Callable[..., Path]) -> None:
    path = table({"w": NUMBERS})
    Image.new("1", (10_000, 9_500)).save(path.parent / "0.png")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert read_contents(path).images.looked_at == ROWS
