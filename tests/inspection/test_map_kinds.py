"""What files of maps hold is judged by their pixels and the column's name."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import yaml
from PIL import Image

from multitask.errors import InputError
from multitask.inspection.experiment_file import experiment_text
from multitask.inspection.map_kinds import MapKind, map_kind
from multitask.inspection.table_contents import read_contents
from multitask.inspection.table_inspection import load_table, table_data
from multitask.inspection.training_plan import training_plan
from multitask.tables.table_sources import Source

RNG = np.random.default_rng(0)
SIZE = (9, 12)
Pixels = np.ndarray[Any, Any]


def normals() -> Pixels:
    vectors = RNG.normal(size=(*SIZE, 3))
    return vectors / np.linalg.norm(vectors, axis=2, keepdims=True)


def palette(pixels: Pixels) -> Image.Image:
    image = Image.fromarray(pixels.astype(np.uint8), "P")
    image.putpalette(RNG.integers(0, 256, 768).astype(np.uint8).tobytes())
    return image


MAKERS: dict[str, tuple[str, str, Callable[[], Any]]] = {
    "ids": ("mask", "png", lambda: RNG.integers(0, 5, SIZE).astype(np.uint8)),
    "palette": ("left", "png", lambda: palette(RNG.choice([0, 1, 2, 255], SIZE))),
    "binary": ("mask", "png", lambda: RNG.choice([0, 255], SIZE).astype(np.uint8)),
    "sparse": ("label", "png", lambda: RNG.choice([7, 8, 33, 255], SIZE).astype(np.uint8)),
    "array of ids": ("seg", "npy", lambda: RNG.integers(-1, 3, SIZE)),
    "colours": (
        "mask",
        "png",
        lambda: np.array([[0, 0, 0], [128, 64, 0]], np.uint8)[RNG.integers(0, 2, SIZE)],
    ),
    "millimetres": ("depth", "png", lambda: RNG.integers(0, 9000, SIZE).astype(np.uint16)),
    "metres": ("depth", "tif", lambda: RNG.uniform(0, 9, SIZE).astype(np.float32)),
    "numbers": ("label map", "npy", lambda: RNG.uniform(0, 9, SIZE)),
    "normals": ("normals", "png", lambda: ((normals() + 1) * 127.5).round().astype(np.uint8)),
    "vectors": ("normal", "npy", normals),
}
FOUND: dict[str, tuple[str, dict[str, Any]]] = {
    "ids": ("ClassMap", {"num_classes": 5}),
    "palette": ("ClassMap", {"num_classes": 3}),
    "binary": ("ClassMap", {"numbers": [0, 255], "missing": []}),
    "sparse": ("ClassMap", {"numbers": [7, 8, 33]}),
    "array of ids": ("ClassMap", {"num_classes": 3}),
    "colours": ("ColourMap", {"colours": ["#000000", "#804000"]}),
    "millimetres": ("DepthMap", {"scale": 0.001}),
    "metres": ("DepthMap", {}),
    "normals": ("NormalMap", {}),
    "vectors": ("NormalMap", {}),
}


def written(folder: Path, kind: str, count: int = 3) -> tuple[str, pd.Series]:
    """The column's name, and the names of its files."""
    name, ending, make = MAKERS[kind]
    cells = [f"{kind} {number}.{ending}" for number in range(count)]
    for cell in cells:
        content = make()
        if ending == "npy":
            np.save(folder / cell, content)
        else:
            image = content if isinstance(content, Image.Image) else Image.fromarray(content)
            image.save(folder / cell)
    return name, pd.Series(cells, name=name)


@pytest.mark.parametrize("kind", FOUND)
def test_the_pixels_tell_how_the_files_hold_maps(tmp_path: Path, kind: str) -> None:
    name, cells = written(tmp_path, kind)
    found = map_kind(name, cells, Source(tmp_path, tmp_path, tmp_path))
    assert isinstance(found, MapKind)
    assert (type(found.coding).__name__, found.settings) == FOUND[kind]
    assert found.looked_at == 3


@pytest.mark.parametrize("kind", ["pictures", "grey", "gone", "numbers"])
def test_what_is_no_map_is_told_with_how_to_ask(tmp_path: Path, kind: str) -> None:
    cells = pd.Series(["a.png"])
    name = "other"
    if kind == "numbers":
        name, cells = written(tmp_path, kind)
    elif kind != "gone":
        shape = (30, 30, 3) if kind == "pictures" else (30, 30)
        Image.fromarray(RNG.integers(0, 256, shape).astype(np.uint8)).save(tmp_path / "a.png")
    found = map_kind(name, cells, Source(tmp_path, tmp_path, tmp_path))
    assert isinstance(found, str)
    assert ("do not exist" if kind == "gone" else "multitask.images.maps") in found


def test_an_experiment_for_maps_is_written_and_its_data_load(tmp_path: Path) -> None:
    rows: dict[str, Any] = {"file_name": [f"{number}.jpg" for number in range(12)]}
    for kind in ("palette", "millimetres", "vectors", "colours"):
        column, cells = written(tmp_path, kind, 12)
        rows[column] = cells.tolist()
    for name in rows["file_name"]:
        Image.fromarray(RNG.integers(0, 256, (*SIZE, 3)).astype(np.uint8)).save(tmp_path / name)
    pd.DataFrame(rows).to_csv(tmp_path / "metadata.csv", index=False)
    contents = read_contents(tmp_path / "metadata.csv")
    assert {each.task for each in contents.targets} == {"left", "depth", "normal", "mask"}
    # Decoders double the sides of maps.
    assert contents.image_size == (10, 12)
    data = table_data(contents)
    load_table(data)
    assert not len(data.skipped)
    plan = training_plan(6, contents.image_size, 3, maps=True)
    config = yaml.safe_load(experiment_text(contents, plan, data, tmp_path / "a.yaml"))
    targets, tasks = config["data"]["init_args"]["targets"], config["model"]["tasks"]
    assert targets["left"]["map"] == {
        "class_path": "multitask.images.maps.ClassMap",
        "init_args": {"num_classes": 3},
    }
    assert tasks["mask"]["class_path"] == "multitask.tasks.Segmentation"
    assert tasks["mask"]["init_args"]["num_classes"] == 2
    kinds = {name: each["class_path"].split(".")[-1] for name, each in tasks.items()}
    assert (kinds["depth"], kinds["normal"]) == ("Depth", "Normals")
    assert config["model"]["encoder"]["class_path"] == "multitask.encoders.TimmMaps"
    assert tasks.keys() == targets.keys()


def test_a_column_of_maps_is_not_taken_for_that_of_images(tmp_path: Path) -> None:
    name, cells = written(tmp_path, "ids", 4)
    pictures = [f"{number}.png" for number in range(4)]
    for each in pictures:
        Image.fromarray(RNG.integers(0, 256, (*SIZE, 3)).astype(np.uint8)).save(tmp_path / each)
    rows = pd.DataFrame({name: cells, "photo": pictures})
    rows.to_csv(tmp_path / "a.csv", index=False)
    assert read_contents(tmp_path / "a.csv").image.name == "photo"
    rows["view"] = rows["photo"]
    rows.to_csv(tmp_path / "a.csv", index=False)
    with pytest.raises(InputError, match="several columns of images, 'photo', 'view'"):
        read_contents(tmp_path / "a.csv")
