"""Measure the peak memory and time of inspecting a large table, and of training on it.

Writes tables of small PNGs, and runs the program on them, each time with a cold cache:
``multitask inspect``, and ``multitask fit`` for a few hundred steps. Prints the peak resident
memory of each, as reported by the system, and that of a program that is only imported. It also
prints the ratio of training on a large table to training on a small one.

    python benchmarks/data_memory.py [--rows 10000 100000]
"""

from __future__ import annotations

import argparse
import csv
import os
import subprocess
import sys
import tempfile
import time
from io import BytesIO
from pathlib import Path

import numpy as np
import yaml
from PIL import Image

SIDE = 32
IMPORTED = "import os, multitask.cli.inspect_command; os._exit(0)"
"""Ends as the program does, without the libraries' own last steps."""
STEPS = 300


def write_table(folder: Path, rows: int) -> Path:
    """Write random pictures with a class and a number, some of them missing.

    Args:
        folder: target folder.
        rows: number of rows of the table.

    Returns:
        The configuration of a training run on them.
    """
    folder.mkdir()
    generator = np.random.default_rng(0)
    with (folder / "metadata.csv").open("w", newline="") as file:
        table = csv.writer(file)
        table.writerow(["file_name", "kind", "weight"])
        for place in range(rows):
            picture, content = generator.integers(0, 256, (SIDE, SIDE, 3), np.uint8), BytesIO()
            Image.fromarray(picture).save(content, "png", compress_level=1)
            (folder / f"{place:06d}.png").write_bytes(content.getvalue())
            kind = "" if place % 3 else f"class {place % 10}"
            table.writerow([f"{place:06d}.png", kind, "" if place % 5 else f"{place % 97}"])
    config = {
        "data": {
            "class_path": "multitask.data.Table",
            "init_args": {
                "path": str(folder / "metadata.csv"),
                "image_size": SIDE,
                "targets": {
                    "kind": {"columns": "kind", "classes": [f"class {each}" for each in range(10)]},
                    "weight": {"columns": "weight"},
                },
            },
        },
        "model": {
            "encoder": {
                "class_path": "multitask.encoders.ConvNet",
                "init_args": {"in_channels": 3},
            },
            "tasks": {
                "kind": {
                    "class_path": "multitask.tasks.Classification",
                    "init_args": {"num_classes": 10},
                },
                "weight": {"class_path": "multitask.tasks.Regression"},
            },
        },
    }
    path = folder / "experiment.yaml"
    path.write_text(yaml.safe_dump(config))
    return path


def measured(arguments: list[str], folder: Path) -> tuple[float, float]:
    """Seconds and peak resident MiB of a Python program.

    Args:
        arguments: arguments of Python.
        folder: working directory, with a separate cache.
    """
    environment = {**os.environ, "MULTITASK_CACHE": tempfile.mkdtemp(dir=folder)}
    start = time.perf_counter()
    program = subprocess.Popen(
        [sys.executable, *arguments], cwd=folder, env=environment, stdout=subprocess.DEVNULL
    )
    _, status, usage = os.wait4(program.pid, 0)
    seconds = time.perf_counter() - start
    if status:
        raise SystemExit(f"python {' '.join(arguments)} ended with status {status}")
    # Kilobytes; on macOS bytes.
    return seconds, usage.ru_maxrss / (2**20 if sys.platform == "darwin" else 2**10)


def main() -> None:
    """Write the tables, measure, print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rows", type=int, nargs="+", default=[10_000, 100_000])
    rows = parser.parse_args().rows
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        _, imported = measured(["-c", IMPORTED], folder)
        print(f"imported only: {imported:.0f} MiB")
        first = None
        for count in rows:
            config = write_table(folder / f"table{count}", count)
            seconds, peak = measured(
                ["-m", "multitask", "inspect", str(config), "--run.wandb=off"], folder
            )
            print(f"{count} rows: inspect {seconds:.0f} s, {peak:.0f} MiB")
            training = [
                *("-m", "multitask", "fit", f"--config={config}", "--run.wandb=off"),
                *(f"--trainer.max_steps={STEPS}", "--trainer.enable_progress_bar=false"),
            ]
            seconds, peak = measured(training, folder)
            first = first or peak
            print(
                f"{count} rows: fit {seconds:.0f} s, {peak:.0f} MiB, "
                f"{peak / first:.2f} x that of {rows[0]} rows"
            )


if __name__ == "__main__":
    main()
