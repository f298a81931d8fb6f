"""Public data sets of maps are read from the files that they are published in."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from tiny_map_sets import write_mtan, write_voc
from tiny_public_sets import write_pets
from torch.nn.functional import interpolate

from multitask.augmentation import RandomHorizontalFlip
from multitask.data.known import Cityscapes, NYUv2, OxfordPets, PascalVOC
from multitask.data.split_check import SPLITS
from multitask.errors import InputError

Settings = dict[str, Any]


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return {"root": tmp_path, "cache_folder": tmp_path / "cache", "seed": 0, "batch_size": 4}


def test_nyu_in_the_files_of_mtan(tmp_path: Path, settings: Settings) -> None:
    arrays = write_mtan(tmp_path, {"label": 13}, normals=True)
    data = NYUv2(**settings, val=0.25, augmentations=[RandomHorizontalFlip(1.0)])
    data.setup()
    assert [len(data.splits[split]) for split in SPLITS] == [9, 3, 5]
    held_out = set(data.names("train")) | set(data.names("val"))
    assert held_out == {f"train/{number}" for number in range(12)}
    for split in SPLITS:
        samples = data.splits[split]
        batch = samples[torch.arange(len(samples))]
        for place, name in enumerate(data.names(split)):
            folder, number = name.split("/")
            own = {kind: each[int(number)] for kind, each in arrays[folder].items()}
            found = {name: values[place].numpy() for name, values in batch.items()}
            colours = np.moveaxis(own["image"], 2, 0) * 255
            np.testing.assert_allclose(found["image"], colours, atol=0.51)
            label = np.where(own["label"] == -1, 255, own["label"])
            assert (found["segmentation"] == label).all()
            depth = np.where(own["depth"] == 0, np.nan, own["depth"])[..., 0]
            np.testing.assert_array_equal(found["depth"], depth)
            gone = (own["normal"] == 0).all(2, keepdims=True)
            normals = np.moveaxis(np.where(gone, np.nan, own["normal"]), 2, 0)
            np.testing.assert_allclose(found["normals"], normals, atol=1e-6)
    assert len(data.class_names()["segmentation"]) == 13
    plain = data.splits["train"][torch.arange(4)]
    flipped = data.augmented(torch.arange(4))
    torch.testing.assert_close(
        flipped["normals"][:, 0], -plain["normals"][:, 0].flip(2), equal_nan=True
    )
    torch.testing.assert_close(flipped["depth"], plain["depth"].flip(2), equal_nan=True)


@pytest.mark.parametrize(
    ("folders", "classes", "folder"),
    [({"label_7": 7, "label_19": 19}, 19, "label_19"), ({"label": 7}, 7, "label")],
)
def test_cityscapes_in_the_files_of_mtan(
    tmp_path: Path, settings: Settings, folders: dict[str, int], classes: int, folder: str
) -> None:
    arrays = write_mtan(tmp_path, folders, normals=False)
    data = Cityscapes(num_classes=classes, image_size=[3, 4], **settings)  # type: ignore[arg-type]
    data.setup()
    batch = data.splits["test"][torch.arange(5)]
    labels = torch.from_numpy(np.stack(arrays["val"][folder]))[:, None]
    labels = interpolate(labels, (3, 4), mode="nearest-exact")[:, 0]
    assert torch.equal(batch["segmentation"], torch.where(labels < 0, 255, labels).byte())
    assert batch["image"].shape == (5, 3, 3, 4)
    assert batch["inverse_depth"].shape == (5, 3, 4)
    assert len(data.class_names()["segmentation"]) == classes
    assert data.own_geometry()["inverse_depth"].scaled == 1  # type: ignore[attr-defined]
    assert (data.image_format().height, data.image_format().width) == (3, 4)  # type: ignore[union-attr]


@pytest.mark.parametrize(
    ("lists", "sizes"),
    [
        ({"train": 10, "val": 4}, [8, 2, 4]),
        ({"train": 6, "val": 3, "test": 2}, [6, 3, 2]),
    ],
)
def test_folders_like_those_of_pascal(
    tmp_path: Path, settings: Settings, lists: dict[str, int], sizes: list[int]
) -> None:
    maps = write_voc(tmp_path, lists)
    data = PascalVOC(**settings, val=0.2, image_size=[20, 30], fit="crop")
    data.setup()
    assert [len(data.splits[split]) for split in SPLITS] == sizes
    names = [name for split in SPLITS for name in data.names(split)]
    assert sorted(names) == sorted(maps)
    for split in SPLITS:
        targets = data.splits[split].targets["segmentation"]
        found = targets[torch.arange(len(targets))].numpy()
        for name, values in zip(data.names(split), found, strict=True):
            if maps[name].shape == (20, 30):
                assert (values == maps[name]).all()
    assert data.class_names()["segmentation"][15] == "person"


def test_classes_of_other_folders_may_have_other_names(tmp_path: Path, settings: Settings) -> None:
    write_voc(tmp_path / "VOCdevkit/VOC2012", {"train": 4, "val": 4}, classes=3)
    data = PascalVOC(**settings, val=0.5, image_size=8, classes=["a", "b", "c"])
    data.setup()
    assert data.class_names() == {"segmentation": ["a", "b", "c"]}
    with pytest.raises(
        InputError, match=r"2007_\w+.png contains no readable map: .* number 2, but"
    ):
        PascalVOC(**settings, val=0.5, image_size=8, classes=["a", "b"]).setup()


@pytest.mark.parametrize(("classes", "names"), [(2, 2), (3, 3)])
def test_pets_have_their_trimaps(
    tmp_path: Path, settings: Settings, classes: int, names: int
) -> None:
    write_pets(tmp_path)
    # All images, in the size of one of them.
    data = OxfordPets(**settings, mask=classes, image_size=[24, 40], val=0.5)  # type: ignore[arg-type]
    data.setup()
    assert len(data.class_names()["mask"]) == names
    for split in SPLITS:
        masks = data.targets(split)["mask"]
        boxes = data.targets(split)["box"].round().long()
        for mask, (left, top, right, bottom) in zip(masks, boxes.tolist(), strict=True):
            inside = mask[top + 1 : bottom - 1, left + 1 : right - 1]
            assert not (inside == 0).any()
            # The tiny animals are all border but for their heads.
            assert (mask == 2).any() or classes == 2
            assert mask.max() < names
    assert "mask" in data.own_geometry()


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        ("train/depth/3.npy", r"incomplete: there is no .*train/depth/3.npy, one of 1 of 12 files"),
        ("train/image", r"has no images .*train/image/0.npy"),
        (
            "val/label/1.npy",
            r"val/label/1.npy contains no readable map: .*pixels have the number 99",
        ),
        (
            "train/image/2.npy",
            r"train/image/2.npy contains no readable map: its colours are 0 to 200",
        ),
        ("train/normal/2.npy", r"its image has 6 x 8"),
    ],
)
def test_sets_that_are_not_whole_are_told(
    tmp_path: Path, settings: Settings, spoil: str, words: str
) -> None:
    write_mtan(tmp_path, {"label": 13}, normals=True)
    file = tmp_path / spoil
    if "label" in spoil:
        np.save(file, np.full((6, 8), 99))
    elif "image/2" in spoil:
        np.save(file, np.linspace(0, 200, 6 * 8 * 3).reshape(6, 8, 3))
    elif "normal" in spoil:
        np.save(file, np.ones((8, 6, 3)))
    elif file.is_dir():
        for each in file.iterdir():
            each.unlink()
    else:
        file.unlink()
    with pytest.raises(InputError, match=words):
        NYUv2(**settings).setup()


@pytest.mark.parametrize("kind", [NYUv2, Cityscapes, PascalVOC])
def test_what_is_not_downloaded_is_said(settings: Settings, kind: Any) -> None:
    with pytest.raises(InputError, match="is not downloaded by this program; download it from"):
        kind(**settings, download=True)
    with pytest.raises(InputError, match=r"data\.init_args\.root"):
        kind(**settings).setup()
    with pytest.raises(InputError, match="val is 1"):
        kind(**settings, val=1)


@pytest.mark.parametrize(
    ("names", "words"),
    [
        (b"\xff\xfe", "train.txt cannot be read as a list of names"),
        (b"../a", "'../a' is not the name of an image"),
        (b"/a", "'/a' is not the name of an image"),
        (b"a\0", "is not the name of an image"),
    ],
)
def test_lists_name_images_of_the_set(
    tmp_path: Path, settings: Settings, names: bytes, words: str
) -> None:
    lists = tmp_path / "ImageSets/Segmentation"
    lists.mkdir(parents=True)
    (lists / "train.txt").write_bytes(names)
    with pytest.raises(InputError, match=words):
        PascalVOC(**settings).setup()


def test_no_pixels_are_no_size(tmp_path: Path, settings: Settings) -> None:
    write_mtan(tmp_path, {"label": 13}, normals=True)
    with pytest.raises(InputError, match="image_size is 0"):
        NYUv2(**settings, image_size=0).setup()
