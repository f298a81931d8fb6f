"""Measure the images per second of `multitask predict`, and of its two parts alone.

All run in one process, one after the other in each round, with the same images. Results are ratios
to the faster or slower part, so load on the machine has little effect:

- ``encoder``: the bare encoder on tensors in memory, in batches
- ``decoding``: all files decoded by the same threads, and nothing else
- ``memory``: `multitask.load(...).predict` of an array in memory, a table with all columns
- ``files``: `multitask predict` of a folder, from the list of files to the finished table

``memory`` is compared with the encoder alone, and ``files`` with the slower of decoding and the
encoder: 1 means that they overlap completely. With few cores they also share the cores, so ``both``
is the time of decoding and the encoder running at once, without anything else. CPU seconds over all
cores measure the amount of work, even if other programs use the cores.

    python benchmarks/predict.py [--images 20000] [--side 32] [--file_side 32] [--threads 1]
        [--rounds 3] [--channels 32 64 128]
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image

from multitask import MultiTask
from multitask.after.image_list import listed_images
from multitask.after.predicting.prediction import Prediction
from multitask.after.trained_model import BATCH, TrainedModel
from multitask.encoders import ConvNet
from multitask.images.decoding import decode
from multitask.images.format import ImageFormat
from multitask.images.ordered_threads import in_order, usable_cores
from multitask.tasks import Classification, Regression


def write_images(folder: Path, number: int, side: int) -> None:
    """Write noisy pictures."""
    folder.mkdir()
    generator = np.random.default_rng(0)
    for place in range(number):
        pixels = generator.integers(0, 256, (side, side), dtype=np.uint8)
        Image.fromarray(pixels).save(folder / f"{place}.png")


def trained(side: int, channels: list[int]) -> TrainedModel:
    """A model of two tasks with random weights."""
    tasks: dict[str, Any] = {"digit": Classification(10), "glyph": Regression(16)}
    model = MultiTask(ConvNet(1, channels), tasks)
    description: dict[str, Any] = {
        "inputs": {"image": {"height": side, "width": side, "channels": 1}},
        "tasks": {name: {} for name in tasks},
    }
    return TrainedModel(model, description)


def contenders(
    model: TrainedModel, folder: Path, pixels: torch.Tensor, output: Callable[[], Path]
) -> dict[str, Callable[[], None]]:
    """The timed functions, by name."""
    files = [Path(each) for each in map(str, listed_images([folder]).paths)]
    format: ImageFormat = model.format
    array = pixels.numpy()

    @torch.inference_mode()
    def encoder() -> None:
        for batch in pixels.split(BATCH):
            model.model.encoder(model.inputs(batch)).cpu()

    def decoding() -> None:
        for _ in in_order(lambda file: decode(file, format)[0], files, 2 * BATCH):
            pass

    @torch.inference_mode()
    def both() -> None:
        decoded = in_order(lambda file: decode(file, format)[0], files, 2 * BATCH)
        for first in range(0, len(files), BATCH):
            batch = [next(decoded) for _ in files[first : first + BATCH]]
            model.model.encoder(model.inputs(torch.from_numpy(np.stack(batch)))).cpu()

    def memory() -> None:
        model.predict(array)

    def whole() -> None:
        Prediction(model, listed_images([folder]), output()).run()

    return {
        "encoder": encoder,
        "decoding": decoding,
        "both": both,
        "memory": memory,
        "files": whole,
    }


def main() -> None:
    """Time all of them in turn, and print ratios."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--images", type=int, default=20_000)
    parser.add_argument("--side", type=int, default=32)
    parser.add_argument("--file_side", type=int, default=32)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--channels", type=int, nargs="+", default=[32, 64, 128])
    given = parser.parse_args()
    torch.set_num_threads(given.threads)
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place, "photos")
        write_images(folder, given.images, given.file_side)
        model = trained(given.side, given.channels)
        pixels = torch.randint(0, 256, (given.images, 1, given.side, given.side)).to(torch.uint8)
        numbers = iter(range(10**6))
        timed = contenders(model, folder, pixels, lambda: Path(place, f"{next(numbers)}.csv"))
        seconds: dict[str, list[float]] = {name: [] for name in timed}
        work: dict[str, list[float]] = {name: [] for name in timed}
        for _ in range(given.rounds):
            for name, run in timed.items():
                start, worked = time.perf_counter(), time.process_time()
                run()
                seconds[name].append(time.perf_counter() - start)
                work[name].append(time.process_time() - worked)
    print(f"{usable_cores()} cores, {given.threads} threads of torch, {given.images} images")
    for name, each in seconds.items():
        cpu = statistics.median(work[name])
        rate = given.images / statistics.median(each)
        print(f"{name:9} {rate:8.0f} images/s, {cpu:6.1f} s of all cores together")
    for name, parts in (
        ("memory", ["encoder"]),
        ("files", ["encoder", "decoding"]),
        ("files", ["both"]),
    ):
        rounds = zip(seconds[name], *(seconds[each] for each in parts), strict=True)
        ratio = statistics.median(max(others) / own for own, *others in rounds)
        print(f"{name} against {' or '.join(parts)}, the slower: {ratio:.2f}")


if __name__ == "__main__":
    main()
