"""Measure the images per second of the input pipeline, and of torch's DataLoader.

Every pipeline reads the same files, in one process with its own workers, and returns batches of
float images from 0 to 1 with their class, ready for the model:

- ``Table``: `multitask.data.Table`, its images in the cache, whole batches augmented
- ``DataLoader``: torch's, which reads and transforms one sample at a time with torchvision's v2
  transforms, with 0 and with 2 workers
- ``limit``: all images as one tensor in memory, indexed by batch

All pipelines decode small images before the clock starts. The DataLoader decodes photographs in
every epoch, and the table only in the first. First epochs are timed from the start, including
reading the table and filling the cache, or starting the workers. Ratios are within one run.

    python benchmarks/data.py [--small 50000] [--photographs 2000] [--side 128] [--rounds 3]
"""

from __future__ import annotations

import argparse
import csv
import os
import statistics
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch import Tensor
from torch.utils.data import DataLoader, Dataset
from torchvision.transforms import v2

from multitask.augmentation import Augmentation, RandomCrop, RandomHorizontalFlip
from multitask.data import Table
from multitask.data.splits import RandomSplit
from multitask.tables.target_columns import TargetColumns

CLASSES = [f"class {number}" for number in range(10)]
SMALL, PHOTOGRAPH = 32, (500, 400)
BATCH = {"small": 128, "photographs": 64}
HELD_OUT = 0.01

Delivered = Iterable[tuple[Tensor, Tensor]]
Pipeline = Callable[[], Delivered]


class Samples(Dataset[tuple[Tensor, int]]):
    """One sample at a time.

    Args:
        images: all images ``[samples, channels, height, width]``, uint8, or their files.
        labels: class numbers.
        transform: transform of one image.
    """

    def __init__(self, images: Any, labels: list[int], transform: Callable[[Any], Tensor]) -> None:
        self.images, self.labels, self.transform = images, labels, transform

    def __len__(self) -> int:
        return len(self.labels)

    def __getitem__(self, place: int) -> tuple[Tensor, int]:
        image = self.images[place]
        if isinstance(image, Path):
            with Image.open(image) as file:
                image = file.convert("RGB")
        return self.transform(image), self.labels[place]


def write_images(folder: Path, number: int, ending: str) -> Path:
    """Write noisy pictures and their table; returns the table's path.

    Args:
        folder: target folder.
        number: number of images.
        ending: ``png`` for small ones, ``jpg`` for photographs.
    """
    generator = np.random.default_rng(0)
    size = (SMALL, SMALL) if ending == "png" else PHOTOGRAPH
    folder.mkdir()
    with (folder / "metadata.csv").open("w", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(["file_name", "kind"])
        for place in range(number):
            # Smoothed coarse noise, which decodes as slowly as a typical JPEG.
            coarse = generator.integers(0, 256, (25, 20, 3), dtype=np.uint8)
            picture = Image.fromarray(coarse).resize(size, Image.Resampling.BICUBIC)
            name = f"{place:06d}.{ending}"
            picture.save(folder / name, quality=90)
            rows.writerow([name, CLASSES[place % 10]])
    return folder / "metadata.csv"


def table(path: Path, side: int, batch_size: int, augmentations: list[Augmentation]) -> Table:
    """The pipeline of this project."""
    return Table(
        path=str(path),
        image_size=side,
        targets={"kind": TargetColumns(columns="kind", classes=CLASSES)},
        split=RandomSplit(val=HELD_OUT, test=HELD_OUT),
        augmentations=augmentations,
        batch_size=batch_size,
        seed=0,
    )


def of_table(data: Table, as_bytes: bool = False) -> Pipeline:
    """An epoch of training batches; as bytes, they are sent to a GPU, which does the rest."""
    loader = data.train_dataloader()

    def epoch() -> Iterator[tuple[Tensor, Tensor]]:
        for batch in loader:
            if not as_bytes:
                batch = data.on_after_batch_transfer(batch, 0)
            yield batch["image"], batch["kind"]

    return epoch


def of_limit(images: Tensor, labels: Tensor, batch_size: int) -> Pipeline:
    """An epoch of one tensor indexed by batch."""

    def epoch() -> Iterator[tuple[Tensor, Tensor]]:
        for rows in torch.randperm(len(images)).split(batch_size)[: len(images) // batch_size]:
            yield images[rows].float() / 255, labels[rows]

    return epoch


def of_samples(samples: Samples, batch_size: int, workers: int) -> Pipeline:
    """An epoch of torch's DataLoader."""
    options = {"shuffle": True, "drop_last": True, "persistent_workers": workers > 0}
    loader = DataLoader(samples, batch_size, num_workers=workers, **options)
    return lambda: loader


def speed(pipeline: Pipeline, most: int | None = None) -> float:
    """Images per second over an epoch, or over some batches of it, after its first batch.

    The first batch, which waits for the workers to start, is not timed.
    """
    number, start = 0, 0.0
    for count, (images, _) in enumerate(pipeline()):
        if count == 0:
            start = time.perf_counter()
        else:
            number += len(images)
        if count == most:
            break
    return number / (time.perf_counter() - start)


def medians(measures: dict[str, Callable[[], float]], rounds: int) -> dict[str, float]:
    """The median of each measure; each round runs all of them."""
    found: dict[str, list[float]] = {name: [] for name in measures}
    for _ in range(rounds):
        for name, measure in measures.items():
            found[name].append(measure())
    return {name: statistics.median(values) for name, values in found.items()}


def show(title: str, speeds: dict[str, float], ours: str) -> None:
    """Print a table of speeds, and ours as a multiple of each."""
    print(f"\n{title}")
    for name, value in speeds.items():
        print(f"  {name:42} {value:10,.0f} images/s   {ours} is {speeds[ours] / value:6.2f} x this")


def small_images(path: Path, rounds: int) -> None:
    """Compare the pipelines on small images in memory."""
    size = BATCH["small"]
    plain = table(path, SMALL, size, [])
    augmented = table(path, SMALL, size, [RandomCrop(padding=4), RandomHorizontalFlip()])
    plain.setup()
    augmented.setup()
    rows = torch.arange(len(plain.splits["train"]))
    images, labels = plain.splits["train"].images(rows), plain.targets("train")["kind"]
    transform = v2.Compose(
        [
            v2.RandomCrop(SMALL, padding=4),
            v2.RandomHorizontalFlip(),
            v2.ToDtype(torch.float32, scale=True),
        ]
    )
    only = v2.ToDtype(torch.float32, scale=True)
    moved = Samples(images, labels.tolist(), transform)
    kept = Samples(images, labels.tolist(), only)
    few = 60
    speeds = medians(
        {
            "Table": partial(speed, of_table(augmented)),
            "DataLoader, 0 workers": partial(speed, of_samples(moved, size, 0), few),
            "DataLoader, 2 workers": partial(speed, of_samples(moved, size, 2), few),
        },
        rounds,
    )
    show(f"{len(images)} images of {SMALL}x{SMALL}, random crop and flip", speeds, "Table")
    speeds = medians(
        {
            "Table": partial(speed, of_table(plain)),
            "limit: one tensor, indexed by batch": partial(speed, of_limit(images, labels, size)),
            "DataLoader, 0 workers": partial(speed, of_samples(kept, size, 0), few),
            "DataLoader, 2 workers": partial(speed, of_samples(kept, size, 2), few),
        },
        rounds,
    )
    show("the same without augmentation", speeds, "Table")


def first_speed(make: Callable[[], Pipeline]) -> float:
    """Images per second over a first epoch, including all preparation."""
    start = time.perf_counter()
    number = sum(len(images) for images, _ in make()())
    return number / (time.perf_counter() - start)


def photographs(path: Path, side: int, rounds: int) -> None:
    """Compare the pipelines on JPEGs: the first epoch, which fills the cache, and later ones."""
    size = BATCH["photographs"]
    with path.open(newline="") as file:
        listed = list(csv.DictReader(file))
    files = [path.parent / row["file_name"] for row in listed]
    labels = [CLASSES.index(row["kind"]) for row in listed]
    transform = v2.Compose(
        [
            v2.Resize((side, side), antialias=True),
            v2.PILToTensor(),
            v2.ToDtype(torch.float32, scale=True),
        ]
    )
    samples = Samples(files, labels, transform)
    wide, high = PHOTOGRAPH
    title = f"{len(files)} JPEGs of {wide}x{high}, at {side}x{side}"

    def read() -> Pipeline:
        # Each time with an empty cache.
        os.environ["MULTITASK_CACHE"] = tempfile.mkdtemp(dir=path.parent.parent)
        data = table(path, side, size, [])
        data.setup()
        return of_table(data)

    first = medians(
        {
            "Table": partial(first_speed, read),
            "DataLoader, 0 workers": partial(first_speed, lambda: of_samples(samples, size, 0)),
            "DataLoader, 2 workers": partial(first_speed, lambda: of_samples(samples, size, 2)),
        },
        rounds,
    )
    show(f"{title}, first epoch", first, "Table")
    data = table(path, side, size, [])
    data.setup()
    later = medians(
        {
            "Table": partial(speed, of_table(data)),
            "Table, as bytes": partial(speed, of_table(data, as_bytes=True)),
            "DataLoader, 0 workers": partial(speed, of_samples(samples, size, 0), 8),
            "DataLoader, 2 workers": partial(speed, of_samples(samples, size, 2)),
        },
        rounds,
    )
    show(f"{title}, later epochs", later, "Table")


def main() -> None:
    """Write the images, measure, print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--small", type=int, default=50_000, help="small images, 0 for none")
    parser.add_argument("--photographs", type=int, default=2_000, help="JPEGs, 0 for none")
    parser.add_argument("--side", type=int, default=128, help="to which JPEGs are resized")
    parser.add_argument("--rounds", type=int, default=3, help="times that each is measured")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        os.environ["MULTITASK_CACHE"] = f"{folder}/cache"
        if arguments.small:
            small_images(
                write_images(Path(folder, "small"), arguments.small, "png"), arguments.rounds
            )
        if arguments.photographs:
            path = write_images(Path(folder, "photographs"), arguments.photographs, "jpg")
            photographs(path, arguments.side, arguments.rounds)


if __name__ == "__main__":
    main()
