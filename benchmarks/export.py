"""Compare exported files with the model: size, difference and speed.

Each model has random weights and two tasks: a class of ten, and a number with mean 100 and standard
deviation 10. The difference is the maximum over a task's predictions, relative to the task's spread
(1 for probabilities), for batches of 1, 3 and 16 images. Speeds are ratios to the model itself on
the CPU: medians over rounds in which all take turns in one process, on one thread.

    python benchmarks/export.py [--encoders ConvNet MLP resnet18 vit_tiny] [--write]

With ``--write``, the table replaces the one in docs/after_training.md.
"""

from __future__ import annotations

import argparse
import os
import re
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from multitask import MultiTask
from multitask.after.exporting.export import ENDINGS, RUNS, export
from multitask.after.exporting.onnx_model import OnnxModel
from multitask.after.trained_model import TrainedModel
from multitask.encoders import MLP, ConvNet, Encoder, Timm
from multitask.tasks import Classification, Regression

PAGE = Path(__file__).parents[1] / "docs/after_training.md"
BEGIN, END = "<!-- benchmarks/export.py -->", "<!-- end -->"
BATCHES, SECONDS, ROUNDS = (1, 64), 6.0, 15
Shape = tuple[int, int, int]
ENCODERS: dict[str, tuple[Callable[[], Encoder], Shape]] = {
    "ConvNet": (lambda: ConvNet(1), (1, 24, 24)),
    "MLP": (lambda: MLP(24 * 24), (1, 24, 24)),
    "resnet18": (lambda: Timm("resnet18"), (3, 64, 64)),
    "vit_tiny": (
        lambda: Timm("vit_tiny_patch16_224", options={"img_size": 64}),
        (3, 64, 64),
    ),
}


def made(name: str) -> TrainedModel:
    """A model with random weights."""
    make, (channels, height, width) = ENCODERS[name]
    torch.manual_seed(0)
    number = Regression()
    number.learn_statistics("number", 10 * torch.randn(1000) + 100)
    model = MultiTask(make(), {"class": Classification(10), "number": number})
    size = {"height": height, "width": width, "channels": channels}
    told: dict[str, Any] = {"inputs": {"image": size}, "tasks": {"class": {}, "number": {}}}
    return TrainedModel(model, told, device="cpu", source=name)


def speeds(calls: dict[str, Callable[[Tensor], Any]], images: Tensor) -> dict[str, float]:
    """The speed of each relative to the model: medians over rounds in which they take turns."""
    for call in calls.values():
        call(images)
    ratios: dict[str, list[float]] = {name: [] for name in calls}
    end = time.perf_counter() + SECONDS
    while time.perf_counter() < end or len(ratios["model"]) < ROUNDS:
        taken = {}
        for name, call in calls.items():
            before = time.perf_counter()
            call(images)
            taken[name] = time.perf_counter() - before
        for name, seconds in taken.items():
            ratios[name].append(taken["model"] / seconds)
    return {name: statistics.median(each) for name, each in ratios.items()}


def opened(format: str, path: Path) -> Callable[[Tensor], Any]:
    """A function that predicts with an exported file, on one thread like torch."""
    if format != "onnx":
        return RUNS[format](path)
    model = OnnxModel(path, threads=1)
    return lambda images: model(images.numpy())


def rows(name: str, folder: Path) -> Iterator[str]:
    """Export a model in each format; return a line of the table for each."""
    model = made(name)
    calls: dict[str, Callable[[Tensor], Any]] = {"model": model}
    cells: dict[str, list[str]] = {}
    for format, ending in ENDINGS.items():
        before = time.perf_counter()
        done = export(model, format, folder / f"{name}_{format}{ending}")
        seconds = time.perf_counter() - before
        size = done.path.stat().st_size / 1e6
        cells[format] = [f"{seconds:.0f}", f"{size:.1f}", f"{done.difference:.1e}"]
        calls[format] = opened(format, done.path)
    for batch in BATCHES:
        images = torch.randint(256, (batch, *ENCODERS[name][1]), dtype=torch.uint8)
        found = speeds(calls, images)
        for format, row in cells.items():
            row.append(f"{found[format]:.1f}")
    for format, row in cells.items():
        yield f"| {name} | {format} | {' | '.join(row)} |"


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])  # type: ignore[union-attr]
    parser.add_argument("--encoders", nargs="+", default=[*ENCODERS], choices=[*ENCODERS])
    parser.add_argument("--write", action="store_true")
    given = parser.parse_args()
    torch.set_num_threads(1)
    # Code compiled earlier would make it look fast.
    os.environ["TORCHINDUCTOR_FORCE_DISABLE_CACHES"] = "1"
    head = ["encoder", "format", "s", "MB", "difference", *(f"speed, batch {b}" for b in BATCHES)]
    table = [f"| {' | '.join(head)} |", f"|---|---|{'--:|' * (len(head) - 2)}"]
    with tempfile.TemporaryDirectory() as folder:
        for name in given.encoders:
            found = list(rows(name, Path(folder)))
            print(*found, sep="\n", flush=True)
            table += found
    if given.write:
        text = "\n".join(table)
        page = PAGE.read_text(encoding="utf-8")
        changed = re.sub(f"{BEGIN}.*?{END}", f"{BEGIN}\n{text}\n{END}", page, flags=re.DOTALL)
        PAGE.write_text(changed, encoding="utf-8")


if __name__ == "__main__":
    main()
