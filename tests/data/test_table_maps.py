"""A column of a table may name files of maps."""

from __future__ import annotations

import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from PIL import Image

from multitask.augmentation import RandomHorizontalFlip
from multitask.data import Table
from multitask.data.split_check import SPLITS
from multitask.errors import InputError
from multitask.images.maps import ClassMap, DepthMap, MapCoding, NormalMap, NumberMap
from multitask.tables.cleaning import Cleaning
from multitask.tables.target_columns import TargetColumns

SIZE = (6, 8)
NUMBERS = np.random.default_rng(0)
Make = Callable[..., Table]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Twelve images with a map of classes, one of depths, and one of normals, all random."""
    for name in ("masks", "depths"):
        (tmp_path / name).mkdir()
    for number in range(12):
        pixels = NUMBERS.integers(0, 256, (*SIZE, 3)).astype(np.uint8)
        # The image tells its class map.
        pixels[..., 0] = 60 * NUMBERS.integers(0, 3, SIZE)
        Image.fromarray(pixels).save(tmp_path / f"{number}.png")
        ids = pixels[..., 0] // 60
        ids[0, number % 8] = 255
        Image.fromarray(ids).save(tmp_path / f"masks/{number}.png")
        depth = pixels[..., 0].astype(np.uint16) * 10
        Image.fromarray(depth).save(tmp_path / f"depths/{number}.png")
        normals = np.zeros((*SIZE, 3), np.float32)
        normals[..., 0], normals[..., 2] = 0.6, 0.8
        np.save(tmp_path / f"{number}.npy", normals)
    return tmp_path


@pytest.fixture
def table(folder: Path) -> Make:
    """The data, with any settings replaced; ``cells`` replaces columns."""

    def make(cells: dict[str, Any] | None = None, **options: Any) -> Table:
        rows = {
            "file_name": [f"{number}.png" for number in range(12)],
            "mask": [f"masks/{number}.png" for number in range(12)],
            "depth": [f"depths/{number}.png" if number % 3 else None for number in range(12)],
            "normal": [f"{number}.npy" for number in range(12)],
        }
        pd.DataFrame(rows | (cells or {})).to_csv(folder / "metadata.csv", index=False)
        defaults: dict[str, Any] = {
            "targets": {
                "mask": {"columns": "mask", "map": ClassMap(3)},
                "depth": {"columns": "depth", "map": DepthMap(0.001)},
                "normal": {"columns": "normal", "map": NormalMap()},
            },
            "path": folder,
            "image_size": list(SIZE),
            "batch_size": 4,
            "seed": 0,
        }
        data = Table(**(defaults | options))
        data.setup()
        return data

    return make


@pytest.mark.parametrize("is_small", [True, False])
def test_maps_are_read_by_batch_beside_their_images(
    table: Make, monkeypatch: pytest.MonkeyPatch, is_small: bool
) -> None:
    if not is_small:
        monkeypatch.setattr("multitask.images.pixel_file.MOST_KEPT", 0)
    data = table()
    found = 0
    for split in SPLITS:
        samples = data.splits[split]
        assert not isinstance(samples.targets["mask"], torch.Tensor)
        batch = pickle.loads(pickle.dumps(samples))[torch.arange(len(samples))]
        expected = batch["image"][:, 0] // 60
        known = batch["mask"] != 255
        assert (batch["mask"].shape, batch["mask"].dtype) == ((len(samples), *SIZE), torch.uint8)
        assert torch.equal(batch["mask"][known], expected[known])
        assert (~known).sum() == len(samples)
        assert torch.allclose(batch["normal"][:, 2], torch.tensor(0.8))
        for name, depth, image in zip(
            data.names(split), batch["depth"], batch["image"], strict=True
        ):
            metres = image[0] * 0.01
            metres[(image[0] == 0) | (int(name.split(".")[0]) % 3 == 0)] = torch.nan
            torch.testing.assert_close(depth, metres, equal_nan=True)
            found += 1
    assert found == 12


def test_maps_follow_augmentation_by_default(table: Make) -> None:
    data = table(augmentations=[RandomHorizontalFlip(1.0)])
    batch = data.augmented(torch.arange(4))
    plain = data.splits["train"][torch.arange(4)]
    assert batch["mask"].dtype == torch.int64
    flipped = plain["mask"].flip(2)
    assert torch.equal(batch["mask"], torch.where(flipped == 255, -100, flipped.long()))
    torch.testing.assert_close(batch["depth"], plain["depth"].flip(2), equal_nan=True)
    torch.testing.assert_close(batch["normal"][:, 0], -plain["normal"][:, 0])


def test_a_map_may_be_found_by_the_name_of_its_image(table: Make, folder: Path) -> None:
    by_name = TargetColumns(
        "file_name", map=NumberMap(3), map_folder=folder, map_ending=".npy", missing=["1.png"]
    )
    data = table(targets={"normal": by_name})
    for split in SPLITS:
        maps = data.splits[split].targets["normal"]
        places = torch.arange(len(maps))
        for name, values in zip(data.names(split), maps[places], strict=True):
            assert values.isnan().all() == (name == "1.png")
            assert name == "1.png" or torch.allclose(values[0], torch.tensor(0.6))


def test_maps_may_lie_in_the_cells_of_a_parquet_file(table: Make, folder: Path) -> None:
    plain = table()
    names = pd.read_csv(folder / "metadata.csv")
    held = {
        column: [
            {"bytes": (folder / each).read_bytes(), "path": f"{number}.png"}
            for number, each in enumerate(names[column])
        ]
        for column in ("file_name", "mask")
    }
    pd.DataFrame(held).to_parquet(folder / "all.parquet")
    targets = {"mask": TargetColumns("mask", map=ClassMap(3))}
    data = table(targets=targets, path=folder / "all.parquet")
    places = torch.arange(len(data.splits["train"]))
    found, expected = (each.splits["train"].targets["mask"][places] for each in (data, plain))
    assert torch.equal(found, expected)


def spoiled(folder: Path, what: str) -> None:
    """Spoil the map of classes number 5."""
    file = folder / "masks/5.png"
    if what == "missing_map":
        file.unlink()
    elif what == "unreadable_map":
        file.write_bytes(file.read_bytes()[:40])
    elif what == "other_size_map":
        Image.fromarray(np.zeros((8, 6), np.uint8)).save(file)
    elif what == "unknown_class":
        Image.fromarray(np.full(SIZE, 7, np.uint8)).save(file)


@pytest.mark.parametrize(
    ("what", "words"),
    [
        ("missing_map", "there is no file .*5.png"),
        ("unreadable_map", "the map .*5.png: "),
        ("other_size_map", "8 x 6 pixels, but its image has 6 x 8"),
        ("unknown_class", "48 pixels have the number 7"),
    ],
)
def test_a_map_that_cannot_be_used_is_told_or_missing(
    table: Make, folder: Path, what: str, words: str
) -> None:
    spoiled(folder, what)
    with pytest.raises(InputError, match=rf"row 7 \(5.png\): column 'mask': .*{words}") as info:
        table()
    assert f"cleaning.{what}=skip" in str(info.value)
    data = table(cleaning=Cleaning(**{what: "skip"}))  # type: ignore[arg-type]
    assert data.skipped["kind"].tolist() == [what]
    gone = 0
    for split in SPLITS:
        targets = data.splits[split].targets["mask"]
        for name, each in zip(data.names(split), targets[torch.arange(len(targets))], strict=True):
            assert (each == 255).all() == (name == "5.png")
            gone += name == "5.png"
    assert gone == 1


def test_a_link_out_of_the_folder_costs_the_row(table: Make, folder: Path) -> None:
    file = folder / "masks/5.png"
    other = folder.parent / f"{folder.name} other.png"
    file.rename(other)
    file.symlink_to(other)
    with pytest.raises(InputError, match="symbolic_link=skip, or keep"):
        table()
    sizes = [
        sum(map(len, table(cleaning=Cleaning(symbolic_link=policy)).splits.values()))
        for policy in ("skip", "keep")
    ]
    assert sizes == [11, 12]


@pytest.mark.parametrize(
    ("target", "words"),
    [
        ({"columns": "mask", "map_ending": ".png"}, "map_ending is for columns of maps"),
        (
            {"columns": "mask"},
            "if it is the file name of a map, set how the file encodes it, as in map",
        ),
        ({"columns": ["mask", "depth"], "map": ClassMap(2)}, "maps need one column"),
        ({"columns": "mask", "map": ClassMap(2), "classes": ["a", "b"]}, "map.init_args.classes"),
        ({"columns": "mask", "map": "ClassMap"}, "give a multitask.images.maps.MapCoding"),
    ],
)
def test_settings_that_contradict_each_other_are_refused(
    table: Make, target: dict[str, Any], words: str
) -> None:
    with pytest.raises(InputError, match=words):
        table(targets={"mask": target})


def test_a_killed_build_is_gone_on_with_and_a_whole_one_is_not_read_again(
    table: Make, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    read: list[str] = []
    plain = ClassMap.read

    def reading(self: MapCoding, file: Path) -> Any:
        read.append(file.name)
        if len(read) == stop:
            raise KeyboardInterrupt
        return plain(self, file)  # type: ignore[arg-type]

    monkeypatch.setattr(ClassMap, "read", reading)
    monkeypatch.setattr("multitask.images.chunks.CHUNK", 1)
    monkeypatch.setattr("multitask.images.ordered_threads.usable_cores", lambda: 1)
    monkeypatch.setattr("multitask.images.ordered_threads.TOGETHER", 1)
    targets = {"mask": TargetColumns("mask", map=ClassMap(3))}
    # Nothing waits to be written.
    monkeypatch.setattr("multitask.images.chunks.min", lambda *_: 1, raising=False)
    stop = 9
    with pytest.raises(KeyboardInterrupt):
        table(targets=targets)
    stop = 0
    read.clear()
    data = table(targets=targets)
    assert 0 < len(read) < 6
    read.clear()
    again = table(targets=targets)
    assert not read
    places = torch.arange(len(data.splits["train"]))
    maps = [each.splits["train"].targets["mask"][places] for each in (data, again)]
    assert torch.equal(*maps)
    table(targets={"mask": TargetColumns("mask", map=ClassMap(4))})
    assert len(read) == 12


def test_a_map_is_compared_with_the_image_that_is_there_now(table: Make, folder: Path) -> None:
    table()
    Image.fromarray(np.zeros((8, 6, 3), np.uint8)).save(folder / "5.png")
    with pytest.raises(InputError, match="6 x 8 pixels, but its image has 8 x 6"):
        table()
