"""OxfordPets: breeds, species, and boxes that follow the resizing."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from PIL import Image
from tiny_public_sets import write_pets
from torch import Tensor

from multitask.augmentation import RandomHorizontalFlip
from multitask.data.computed import RandomRotation
from multitask.data.known import OxfordPets
from multitask.data.known.pet_boxes import head_box, trimap_box
from multitask.data.split_check import SPLITS
from multitask.errors import InputError

BOX = (
    "<a><size><width>9</width><height>9</height></size><object><bndbox><xmin>LEFT</xmin>"
    "<ymin>1</ymin><xmax>5</xmax><ymax>5</ymax></bndbox></object></a>"
)


@pytest.fixture
def pets(tmp_path: Path) -> Any:
    """A function that makes the data ready; the boxes that were drawn are its attribute."""

    def make(**options: Any) -> OxfordPets:
        settings = {"root": tmp_path, "cache_folder": tmp_path / "cache", "seed": 0, "val": 0.5}
        data = OxfordPets(**(settings | {"image_size": [48, 60]} | options))
        data.setup()
        return data

    make.drawn = write_pets(tmp_path)  # type: ignore[attr-defined]
    return make


def images(data: OxfordPets, split: str) -> Tensor:
    return data.splits[split].images(torch.arange(len(data.splits[split])))


def shown(image: Tensor) -> Tensor:
    """Left, top, right and bottom of what is bright in an image, to half a pixel or so."""
    bright = image.float().mean(0) > 127
    columns, rows = bright.any(0).nonzero().flatten(), bright.any(1).nonzero().flatten()
    return torch.stack([columns[0], rows[0], columns[-1] + 1, rows[-1] + 1]).float()


def test_splits_and_classes(pets: Any) -> None:
    data = pets()
    assert [len(data.splits[split]) for split in SPLITS] == [37, 37, 37]
    for split in SPLITS:
        targets, names = data.targets(split), data.names(split)
        assert targets["breed"].sort().values.tolist() == list(range(37))
        assert torch.equal(targets["species"], (targets["breed"] >= 12).long())
        assert [int(name.split("_")[1]) for name in names] == targets["breed"].tolist()
    assert images(data, "train").shape == (37, 3, 48, 60)
    assert data.class_names()["species"] == ["cat", "dog"]
    assert [name.split()[1] for name in data.class_names()["breed"]] == list(map(str, range(37)))
    names = {split: set(data.names(split)) for split in SPLITS}
    assert len(names["train"] | names["val"] | names["test"]) == 111


@pytest.mark.parametrize("fit", ["stretch", "pad", "crop"])
def test_boxes_are_around_the_animals_of_the_resized_images(fit: str, pets: Any) -> None:
    data = pets(fit=fit)
    for split in SPLITS:
        boxes = data.targets(split)["box"]
        assert boxes.dtype == torch.float32
        inside = boxes.clamp(min=0).minimum(torch.tensor([60, 48, 60, 48]))
        for box, image in zip(inside, images(data, split), strict=True):
            assert (shown(image) - box).abs().max() <= 1.3


def test_boxes_are_exact_where_nothing_is_resized(pets: Any) -> None:
    data = pets(image_size=[24, 40])
    for name, box in zip(data.names("train"), data.targets("train")["box"], strict=True):
        number = int(name.removesuffix(".jpg").split("_")[2])
        if number % 15 == 0:
            assert tuple(box.tolist()) == pets.drawn[name.removesuffix(".jpg")]


def test_heads_are_missing_where_nobody_has_drawn_them(pets: Any) -> None:
    data = pets()
    for split in SPLITS:
        boxes, heads = data.targets(split)["box"], data.targets(split)["head_box"]
        for name, box, head in zip(data.names(split), boxes, heads, strict=True):
            number = int(name.removesuffix(".jpg").split("_")[2])
            if split == "test" or number % 2:
                assert head.isnan().all()
            else:
                assert torch.equal(head[:3], box[:3])
                _, top, _, bottom = pets.drawn[name.removesuffix(".jpg")]
                assert head[3] == pytest.approx(((top + bottom) // 2) * 48 / (24 + number % 3))


def test_a_box_of_an_image_of_another_size_is_missing(pets: Any, tmp_path: Path) -> None:
    name = next(iter(pets.drawn))
    path = tmp_path / f"oxford-iiit-pet/annotations/trimaps/{name}.png"
    Image.open(path).resize((77, 24)).save(path)
    with pytest.warns(UserWarning, match="'box' is missing for 1 images"):
        data = pets()
    boxes = torch.cat([data.targets(split)["box"] for split in SPLITS])
    names = [each for split in SPLITS for each in data.names(split)]
    assert boxes.isnan().all(1).nonzero().flatten().tolist() == [names.index(f"{name}.jpg")]


def test_labels_per_class_is_about_the_breed(pets: Any) -> None:
    breed = pets(val=0.25, labels_per_class=1).targets("train")["breed"]
    assert breed[breed >= 0].bincount().tolist() == [1] * 37
    assert (breed == -100).any()


def test_boxes_follow_augmentations_and_rotations(pets: Any) -> None:
    data = pets(augmentations=[RandomHorizontalFlip()], batch_size=37)
    before, after = data.targets("train")["box"], data.augmented(torch.arange(37))
    flipped = (after["box"] != before).any(1)
    assert 5 < flipped.sum() < 32
    for box, image in zip(after["box"], after["image"], strict=True):
        assert (shown(255 * image) - box).abs().max() <= 1.3
    turned = pets(computed=[RandomRotation(20)])
    for box, image in zip(turned.targets("train")["box"], images(turned, "train"), strict=True):
        seen = shown(image[:, 2:-2, 2:-2]) + 2
        assert (box[:2] - 1.5 <= seen[:2]).all()
        assert (seen[2:] <= box[2:] + 1.5).all()


def test_what_is_missing_or_broken_is_told(pets: Any, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="OxfordPets is not in .*download to true"):
        pets(root=tmp_path / "other")
    name = next(iter(pets.drawn))
    folder = tmp_path / "oxford-iiit-pet"
    (folder / f"images/{name}.jpg").write_bytes(b"nothing")
    with pytest.raises(InputError, match=rf"OxfordPets: .*{name}.jpg contains no readable image"):
        pets()
    Image.new("RGB", (40, 24)).save(folder / f"images/{name}.jpg")
    (folder / f"annotations/xmls/{name}.xml").write_text("<annotation></annotation>")
    with pytest.raises(InputError, match=rf"{name}.xml does not have a size and a box"):
        pets()
    trimap = folder / f"annotations/trimaps/{name}.png"
    for content in (trimap.read_bytes()[:-30], b"<html>"):
        trimap.write_bytes(content)
        with pytest.raises(InputError, match=rf"{name}.png is not a complete image; unpack"):
            pets()
    trimap.unlink()
    with pytest.raises(InputError, match=rf"needs the file .*{name}.png"):
        pets()
    (folder / "annotations/test.txt").write_text("a line\n")
    with pytest.raises(InputError, match=r"OxfordPets in .* cannot be read .*delete its files"):
        pets()
    with pytest.raises(InputError, match="image_size is"):
        pets(image_size=[3, 4, 5])


@pytest.mark.parametrize(
    "text",
    [
        BOX.replace("LEFT", "nan"),
        BOX.replace("LEFT", "-inf"),
        BOX.replace("LEFT", "7"),
        "<?xml version='1.0' encoding='none'?><a/>",
    ],
)
def test_a_head_that_is_no_box_is_told(tmp_path: Path, text: str) -> None:
    (tmp_path / "xmls").mkdir()
    (tmp_path / "xmls/cat.xml").write_text(text)
    with pytest.raises(InputError, match=r"cat.xml does not have a size and a box"):
        head_box(tmp_path, "cat")


def test_a_trimap_in_colours_is_told(tmp_path: Path) -> None:
    (tmp_path / "trimaps").mkdir()
    Image.new("RGB", (4, 4)).save(tmp_path / "trimaps/cat.png")
    with pytest.raises(InputError, match=r"cat.png is not a complete image"):
        trimap_box(tmp_path, "cat")
