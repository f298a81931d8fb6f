"""Tiny public data sets, in the formats that the real ones are published in."""

from __future__ import annotations

import gzip
import hashlib
import pickle
import struct
from pathlib import Path

import numpy as np
import pytest
import scipy.io
from PIL import Image
from torchvision import datasets

NUMBERS = np.random.default_rng(0)


def write_cifar10(root: Path, monkeypatch: pytest.MonkeyPatch, each: int = 8) -> np.ndarray:
    """Five training batches and a test batch; returns all pixels, ``[samples, 3072]`` uint8."""
    folder = root / "cifar-10-batches-py"
    folder.mkdir(parents=True)
    names = [*(f"data_batch_{number}" for number in range(1, 6)), "test_batch"]
    pixels = NUMBERS.integers(256, size=(6 * each, 3072), dtype=np.uint8)
    for place, name in enumerate(names):
        batch = pixels[place * each : (place + 1) * each]
        labels = [row % 4 for row in range(each)]
        (folder / name).write_bytes(pickle.dumps({"data": batch, "labels": labels}))
    (folder / "batches.meta").write_bytes(pickle.dumps({"label_names": list("abcd")}))
    for attribute, files in (("train_list", names[:5]), ("test_list", names[5:])):
        sums = [[name, md5(folder / name)] for name in files]
        monkeypatch.setattr(datasets.CIFAR10, attribute, sums)
    meta = {**datasets.CIFAR10.meta, "md5": md5(folder / "batches.meta")}
    monkeypatch.setattr(datasets.CIFAR10, "meta", meta)
    return pixels


def write_cifar100(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """40 training and 10 test images; the coarse class is the class divided by 5."""
    folder = root / "cifar-100-python"
    folder.mkdir(parents=True)
    for name, size in (("train", 40), ("test", 10)):
        labels = [row * 7 % 100 for row in range(size)]
        content = {
            "data": NUMBERS.integers(256, size=(size, 3072), dtype=np.uint8),
            "fine_labels": labels,
            "coarse_labels": [label // 5 for label in labels],
        }
        (folder / name).write_bytes(pickle.dumps(content))
        attribute = f"{name}_list"
        monkeypatch.setattr(datasets.CIFAR100, attribute, [[name, md5(folder / name)]])
    labels = {
        "fine_label_names": [f"fine {number}" for number in range(100)],
        "coarse_label_names": [f"coarse {number}" for number in range(20)],
    }
    (folder / "meta").write_bytes(pickle.dumps(labels))
    meta = {**datasets.CIFAR100.meta, "md5": md5(folder / "meta")}
    monkeypatch.setattr(datasets.CIFAR100, "meta", meta)


def write_mnist(root: Path, name: str = "MNIST", train: int = 200, test: int = 50) -> None:
    """Bars on a dark ground, one for each class in another column, packed and unpacked."""
    folder = root / name / "raw"
    folder.mkdir(parents=True)
    for prefix, size in (("train", train), ("t10k", test)):
        labels = np.arange(size, dtype=np.uint8) % 10
        images = np.zeros((size, 28, 28), dtype=np.uint8)
        for row, label in enumerate(labels):
            images[row, 4:24, 4 + 2 * label : 6 + 2 * label] = 200 + row % 50
        for kind, array in (("images-idx3", images), ("labels-idx1", labels)):
            header = struct.pack(">HBB", 0, 8, array.ndim) + struct.pack(
                f">{array.ndim}I", *array.shape
            )
            content = header + array.tobytes()
            (folder / f"{prefix}-{kind}-ubyte").write_bytes(content)
            (folder / f"{prefix}-{kind}-ubyte.gz").write_bytes(gzip.compress(content))


def write_svhn(root: Path, monkeypatch: pytest.MonkeyPatch) -> np.ndarray:
    """40 training and 10 test images with classes 1 to 10; returns the training images."""
    root.mkdir(parents=True, exist_ok=True)
    changed = dict(datasets.SVHN.split_list)
    images = NUMBERS.integers(256, size=(32, 32, 3, 40), dtype=np.uint8)
    for split, size in (("train", 40), ("test", 10)):
        url, name, _ = datasets.SVHN.split_list[split]
        labels = (np.arange(size) % 10 + 1).astype(np.uint8)[:, None]
        scipy.io.savemat(root / name, {"X": images[..., :size], "y": labels})
        changed[split] = [url, name, md5(root / name)]
    monkeypatch.setattr(datasets.SVHN, "split_list", changed)
    return images


def write_dsprites(root: Path) -> dict[str, np.ndarray]:
    """All combinations of 3 shapes, 2 scales, 4 orientations and 5x5 positions: 600 images.

    The sprites are single pixels, at a place that tells their row.
    """
    root.mkdir(parents=True, exist_ok=True)
    factors = [
        np.ones(1),
        np.arange(1.0, 4.0),
        np.array([0.5, 1.0]),
        np.linspace(0, 2 * np.pi, 4),
        np.linspace(0, 1, 5),
        np.linspace(0, 1, 5),
    ]
    values = np.stack(np.meshgrid(*factors, indexing="ij"), -1).reshape(-1, 6)
    classes = np.stack(np.unravel_index(np.arange(600), [len(each) for each in factors]), -1)
    images = np.zeros((600, 64, 64), dtype=np.uint8)
    images.reshape(600, -1)[np.arange(600), np.arange(600)] = 1
    arrays = {
        "metadata": np.array({"title": "dSprites"}, dtype=object),
        "imgs": images,
        "latents_classes": classes,
        "latents_values": values,
    }
    path = root / "dsprites_ndarray_co1sh3sc6or40x32y32_64x64.npz"
    np.savez_compressed(path, **arrays)
    return arrays


def md5(path: Path) -> str:
    """The sum that torchvision checks."""
    return hashlib.md5(path.read_bytes()).hexdigest()


def write_pets(root: Path, train: int = 74, test: int = 37) -> dict[str, tuple[int, ...]]:
    """Grey animals, all boxes of different places and sizes; every second training head is drawn.

    Returns:
        Each animal's left, top, right and bottom by the image's name; its head is its upper half.
    """
    folder = root / "oxford-iiit-pet"
    for name in ("images", "annotations/trimaps", "annotations/xmls"):
        (folder / name).mkdir(parents=True)
    boxes, lists = {}, {"trainval": range(train), "test": range(train, train + test)}
    for split, numbers in lists.items():
        lines = []
        for number in numbers:
            breed = number % 37
            name = f"{'Cat' if breed < 12 else 'dog'}_{breed}_{number}"
            boxes[name] = _write_pet(folder, name, number, head=number < train and number % 2 == 0)
            lines.append(f"{name} {breed + 1} {1 if breed < 12 else 2} {breed % 25 + 1}\n")
        (folder / f"annotations/{split}.txt").write_text("".join(lines))
    return boxes


def _write_pet(folder: Path, name: str, number: int, head: bool) -> tuple[int, ...]:
    height, width = 24 + number % 3, 40 - number % 5
    left, top = 2 + number % 7, 3 + number % 4
    right, bottom = left + 8 + number % 11, top + 6 + number % 9
    trimap = np.full((height, width), 2, np.uint8)
    trimap[top:bottom, left:right] = 3
    trimap[top + 1 : bottom - 1, left + 1 : right - 1] = 1
    Image.fromarray(trimap).save(folder / f"annotations/trimaps/{name}.png")
    pixels = np.where(trimap == 2, 0, 255).astype(np.uint8)
    image = Image.fromarray(np.stack([pixels] * 3, 2))
    image.save(folder / f"images/{name}.jpg", quality=95)
    if head:
        box = {"xmin": left + 1, "ymin": top + 1, "xmax": right, "ymax": (top + bottom) // 2}
        sides = "".join(f"<{side}>{value}</{side}>" for side, value in box.items())
        (folder / f"annotations/xmls/{name}.xml").write_text(
            f"<annotation><size><width>{width}</width><height>{height}</height><depth>3</depth>"
            f"</size><object><name>cat</name><bndbox>{sides}</bndbox></object></annotation>"
        )
    return left, top, right, bottom


ATTRIBUTES = ["5_o_Clock_Shadow", *(f"Attribute_{number}" for number in range(38)), "Young"]


def write_celeba(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """24 faces in turn for training, validation and test, with white pixels as landmarks.

    Attribute number a of face number f is yes where f + a divides by 3.
    """
    folder = root / "celeba"
    (folder / "img_align_celeba").mkdir(parents=True)
    names = [f"{number + 1:06d}.jpg" for number in range(24)]
    eyes = "lefteye_x lefteye_y righteye_x righteye_y nose_x nose_y "
    mouth = "leftmouth_x leftmouth_y rightmouth_x rightmouth_y"
    # As in the real files: some headers end with a space, and columns are aligned by spaces.
    attributes = [f"{' '.join(ATTRIBUTES)} "]
    landmarks = [eyes + mouth]
    for number, name in enumerate(names):
        yes = [1 if (number + place) % 3 == 0 else -1 for place in range(40)]
        attributes.append(f"{name} {' '.join(f'{each:2d}' for each in yes)}")
        points = face_landmarks(number)
        landmarks.append(f"{name} {' '.join(f'{each:4d}' for each in points)}")
        Image.new("RGB", (44, 54), (number, 0, 0)).save(folder / f"img_align_celeba/{name}")
    files = {
        "list_attr_celeba.txt": ["24", *attributes],
        "list_landmarks_align_celeba.txt": ["24", *landmarks],
        "list_bbox_celeba.txt": ["24", "image_id x_1 y_1 width height"]
        + [f"{name}  95  71 226 313" for name in names],
        "identity_CelebA.txt": [f"{name} {number}" for number, name in enumerate(names)],
        "list_eval_partition.txt": [f"{name} {number % 3}" for number, name in enumerate(names)],
    }
    for name, lines in files.items():
        (folder / name).write_text("\n".join(lines) + "\n")
    sums = [("", md5(folder / name), name) for name in files]
    monkeypatch.setattr(datasets.CelebA, "file_list", sums)


def face_landmarks(number: int) -> list[int]:
    """x and y of the five points of a face."""
    return [10 + number, 20, 30 + number % 5, 20 + number, 20, 30, 12, 40, 28, 40 + number % 3]
