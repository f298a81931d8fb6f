"""The public sets that lie in memory: their files, their tasks, what is held out."""

from __future__ import annotations

import pickle
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import numpy as np
import pytest
import torch
from tiny_public_sets import md5, write_cifar10, write_cifar100, write_mnist, write_svhn
from torchvision import datasets

from multitask.augmentation import RandomHorizontalFlip
from multitask.data.computed import Morphometrics, RandomRotation
from multitask.data.known import CIFAR10, CIFAR100, MNIST, SVHN, FashionMNIST
from multitask.data.known.base import KnownData
from multitask.errors import InputError


class Silent(SimpleHTTPRequestHandler):
    """Serves files without a word."""

    def log_message(self, format: str, *args: Any) -> None:
        """Nothing."""


def ready(data: KnownData) -> Any:
    data.setup()
    return data


def images(data: KnownData, split: str) -> torch.Tensor:
    samples = data.splits[split]
    return samples.images(torch.arange(len(samples)))


def test_cifar10_keeps_pixels_and_classes_together(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pixels = torch.from_numpy(write_cifar10(tmp_path, monkeypatch)).view(-1, 3, 32, 32)
    data = ready(CIFAR10(root=tmp_path, val=0.25, seed=0))
    assert data.class_names() == {"class": ["a", "b", "c", "d"]}
    assert [len(data.splits[split]) for split in ("train", "val", "test")] == [30, 10, 8]
    assert torch.equal(images(data, "test"), pixels[40:])
    assert data.targets("test")["class"].tolist() == [0, 1, 2, 3] * 2
    seen = set()
    for split in ("train", "val"):
        for image, label in zip(images(data, split), data.targets(split)["class"], strict=True):
            (row,) = (pixels[:40] == image).flatten(1).all(1).nonzero().flatten().tolist()
            assert row % 4 == label
            seen.add(row)
    assert seen == set(range(40))


def test_cifar100_has_both_levels_of_classes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_cifar100(tmp_path, monkeypatch)
    data = ready(CIFAR100(root=tmp_path, seed=0))
    names = data.class_names()
    assert (names["class"][7], names["coarse_class"][7]) == ("fine 7", "coarse 7")
    assert images(data, "train").shape == (36, 3, 32, 32)
    for split in ("train", "val", "test"):
        targets = data.targets(split)
        assert torch.equal(targets["coarse_class"], targets["class"] // 5)
        assert len(targets["class"].unique()) > 1


@pytest.mark.parametrize("cls", [MNIST, FashionMNIST])
def test_mnist_and_fashion_mnist(cls: type[MNIST], tmp_path: Path) -> None:
    write_mnist(tmp_path, cls.__name__)
    data = ready(cls(root=tmp_path, seed=0))
    assert images(data, "train").shape == (180, 1, 28, 28)
    assert images(data, "train").dtype == torch.uint8
    assert data.class_names()["class"][9] == ("9 - nine" if cls is MNIST else "Ankle boot")
    # A bar's column tells its class.
    for split in ("train", "val", "test"):
        column = images(data, split)[:, 0, 10].int().argmax(1)
        assert torch.equal(data.targets(split)["class"], (column - 4) // 2)


def test_svhn_calls_the_digit_0_class_0(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    written = write_svhn(tmp_path, monkeypatch)
    data = ready(SVHN(root=tmp_path, seed=0))
    assert data.targets("test")["class"].tolist() == [1, 2, 3, 4, 5, 6, 7, 8, 9, 0]
    expected = torch.from_numpy(np.moveaxis(written, (3, 2), (0, 1))[:10].copy())
    assert torch.equal(images(data, "test"), expected)


def test_val_holds_out_the_same_share_of_every_class_by_the_seed(tmp_path: Path) -> None:
    write_mnist(tmp_path)
    counts = {}
    for seed in (0, 1):
        data = ready(MNIST(root=tmp_path, val=0.25, seed=seed))
        counts[seed] = data.targets("val")["class"].bincount().tolist()
        assert data.targets("train")["class"].bincount().tolist() == [15] * 10
        assert len(images(data, "test")) == 50
    assert counts[0] == [5] * 10
    first, same, other = (
        images(ready(MNIST(root=tmp_path, val=0.25, seed=seed)), "val") for seed in (0, 0, 1)
    )
    assert torch.equal(first, same)
    assert not torch.equal(first, other)


def test_labels_per_class_concerns_training_alone(tmp_path: Path) -> None:
    write_mnist(tmp_path)
    data = ready(MNIST(root=tmp_path, labels_per_class=3, labelled_per_batch=6, batch_size=20))
    label = data.targets("train")["class"]
    assert label[label >= 0].bincount().tolist() == [3] * 10
    assert (data.targets("val")["class"] >= 0).all()
    assert all(int((batch["class"] >= 0).sum()) == 6 for batch in data.train_dataloader())


@pytest.mark.parametrize("val", [0, 1, -0.1, 1.5])
def test_val_is_a_share(val: float, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"val is .* between 0 and 1"):
        MNIST(root=tmp_path, val=val)


@pytest.mark.parametrize("cls", [CIFAR10, CIFAR100, MNIST, FashionMNIST, SVHN])
def test_a_missing_set_says_how_to_download_it(cls: type[KnownData], tmp_path: Path) -> None:
    with pytest.raises(InputError) as raised:
        cls(root=tmp_path / "nothing").setup()
    assert cls.__name__ in str(raised.value)
    assert str(tmp_path / "nothing") in str(raised.value)
    assert "set data.init_args.download to true" in str(raised.value)
    assert not (tmp_path / "nothing").exists()


def test_a_damaged_file_is_not_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_cifar10(tmp_path, monkeypatch)
    path = tmp_path / "cifar-10-batches-py/data_batch_3"
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(InputError, match="CIFAR10 is not in .*, or incomplete"):
        CIFAR10(root=tmp_path).setup()


def test_files_that_are_no_images_are_told(tmp_path: Path) -> None:
    write_mnist(tmp_path)
    path = tmp_path / "MNIST/raw/train-images-idx3-ubyte"
    path.write_bytes(path.read_bytes()[:5000])
    with pytest.raises(InputError, match=r"MNIST in .* cannot be read .*delete its files"):
        MNIST(root=tmp_path).setup()


def test_a_failed_download_gives_its_reason(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def download(self: Any) -> None:
        raise RuntimeError("Error downloading it:\nno route to host")

    monkeypatch.setattr(datasets.MNIST, "download", download)
    with pytest.raises(InputError, match="could not be downloaded to .*no route to host"):
        MNIST(root=tmp_path, download=True).setup()


def test_download_gets_what_is_not_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_mnist(tmp_path / "site")
    folder, root = tmp_path / "site/MNIST/raw", tmp_path / "new"
    files = [(name, md5(folder / name)) for name, _ in datasets.MNIST.resources]
    monkeypatch.setattr(datasets.MNIST, "resources", files)
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(Silent, directory=folder)) as server:
        Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        address = f"http://127.0.0.1:{server.server_port}/"
        monkeypatch.setattr(datasets.MNIST, "mirrors", [address])
        downloaded = images(ready(MNIST(root=root, download=True)), "test")
        server.shutdown()
    for download in (True, False):
        assert torch.equal(images(ready(MNIST(root=root, download=download)), "test"), downloaded)


def test_the_coarse_classes_are_read_from_the_set_itself(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_cifar100(tmp_path, monkeypatch)
    path = tmp_path / "cifar-100-python/test"
    content = pickle.loads(path.read_bytes())
    data = ready(CIFAR100(root=tmp_path))
    assert data.targets("test")["coarse_class"].tolist() == content["coarse_labels"]


def test_what_is_computed_depends_on_the_sample_not_on_the_split(tmp_path: Path) -> None:
    write_mnist(tmp_path, train=100, test=100)
    options: dict[str, Any] = {"root": tmp_path, "computed": [RandomRotation(30), Morphometrics()]}
    few, many = (ready(MNIST(val=val, seed=0, **options)) for val in (0.1, 0.5))
    assert set(few.targets("val")) == {"class", "rotation", "area", "length", "thickness"} | {
        "slant",
        "width",
        "height",
    }
    every = [
        sorted(
            number
            for split in ("train", "val")
            for number in data.targets(split)["rotation"].tolist()
        )
        for data in (few, many)
    ]
    assert every[0] == every[1]
    test = few.targets("test")["rotation"].tolist()
    assert not set(test) & set(every[0])
    other = ready(MNIST(seed=1, **options)).targets("test")["rotation"]
    assert not set(other.tolist()) & set(test)
    # The bars stand upright and are turned: their slant is the angle, clockwise in both.
    for split in ("train", "val", "test"):
        targets = few.targets(split)
        inside = (targets["class"] >= 3) & (targets["class"] <= 6)
        error = (targets["slant"] - targets["rotation"])[inside].abs()
        assert error.max() < 3


def test_computed_targets_follow_augmentations(tmp_path: Path) -> None:
    write_mnist(tmp_path)
    data = MNIST(
        root=tmp_path,
        computed=[RandomRotation(30)],
        augmentations=[RandomHorizontalFlip(p=1.0)],
        seed=0,
    )
    data.setup()
    rows = torch.arange(20)
    rotation = data.targets("train")["rotation"][rows]
    torch.testing.assert_close(data.augmented(rows)["rotation"], -rotation)
