"""Compare the time of one epoch of digits, from program start to end, with plain Lightning.

``multitask fit`` runs the experiment `configs/experiment/digits.yaml` for one epoch and tests the
best checkpoint, with W&B offline and figures enabled. The other program is an equivalent script
without this package: Lightning, the same images and network, the same epoch, its validation and
checkpoint, a test, no logger. Prints CPU seconds (user and system, of all processes that a program
starts) and wall-clock seconds, medians of interleaved runs, and the ratios of the medians.

    python benchmarks/start.py [--quick] [--wandb off] [--figures false]
"""

from __future__ import annotations

import argparse
import ctypes
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from contextlib import suppress
from pathlib import Path

ROOT = Path(__file__).parents[1]
ADOPT = 36
"""Linux' PR_SET_CHILD_SUBREAPER: processes that outlive their parent become this one's."""
RAW = """
import math
import torch
from lightning.pytorch import LightningModule, Trainer, seed_everything
from lightning.pytorch.callbacks import ModelCheckpoint, RichProgressBar
from sklearn.datasets import load_digits
from torch import nn
from torch.nn.functional import (
    affine_grid, avg_pool2d, cross_entropy, grid_sample, mse_loss
)
from torch.utils.data import DataLoader, TensorDataset
from torchmetrics import MeanAbsoluteError
from torchmetrics.classification import MulticlassAccuracy, MulticlassAUROC, MulticlassF1Score


def posed(glyphs):
    count = len(glyphs)
    angle = (60 * torch.rand(count) - 30) * math.pi / 180
    stretch = 24 / (12 + 8 * torch.rand(count))
    shift = (6 * torch.rand(count, 2) - 3) / 12
    cosine, sine = angle.cos(), angle.sin()
    turn = torch.stack([cosine, sine, -sine, cosine], 1).view(-1, 2, 2) * stretch.view(-1, 1, 1)
    grid = affine_grid(torch.cat([turn, -turn @ shift[:, :, None]], 2), [count, 1, 24, 24],
                       align_corners=False)
    return grid_sample(glyphs, grid, align_corners=False) + 0.05 * torch.randn(count, 1, 24, 24)


class Model(LightningModule):
    def __init__(self):
        super().__init__()
        def block(before, after, kernel, stride):
            return [nn.Conv2d(before, after, kernel, stride, kernel // 2, bias=False),
                    nn.BatchNorm2d(after), nn.ReLU()]
        self.encoder = nn.Sequential(
            *block(1, 8, 5, 2), *block(8, 16, 3, 1), nn.MaxPool2d(2), *block(16, 32, 3, 1),
            nn.MaxPool2d(2), nn.AdaptiveAvgPool2d(3), nn.Flatten(),
            nn.Linear(288, 64, bias=False), nn.BatchNorm1d(64), nn.ReLU(),
        )
        self.digit, self.glyph = nn.Linear(64, 10), nn.Linear(64, 16)
        self.metrics = nn.ModuleDict({
            "accuracy": MulticlassAccuracy(10), "f1": MulticlassF1Score(10),
            "auroc": MulticlassAUROC(10, thresholds=100), "mae": MeanAbsoluteError(),
        })

    def losses(self, batch):
        image, glyph, label = batch
        features = self.encoder(image)
        logits, guess = self.digit(features), self.glyph(features)
        loss = cross_entropy(logits, label, ignore_index=-100) + mse_loss(guess, glyph)
        return loss, logits, guess

    def training_step(self, batch, index):
        loss, _, _ = self.losses(batch)
        self.log("loss", loss, prog_bar=True)
        return loss

    def evaluate(self, batch, split):
        _, logits, guess = self.losses(batch)
        for name, metric in self.metrics.items():
            metric.update(*((guess, batch[1]) if name == "mae" else (logits, batch[2])))
            self.log(f"{split}/{name}", metric)

    def validation_step(self, batch, index):
        self.evaluate(batch, "val")

    def test_step(self, batch, index):
        self.evaluate(batch, "test")

    def configure_optimizers(self):
        optimizer = torch.optim.AdamW(self.parameters(), lr=0.005, weight_decay=0.0001)
        schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, 300)
        return {"optimizer": optimizer, "lr_scheduler": {"scheduler": schedule, "interval": "step"}}


seed_everything(0, verbose=False)
bunch = load_digits()
glyphs = torch.from_numpy(bunch.images).float().div(16).unsqueeze(1)
labels = torch.from_numpy(bunch.target).long()
parts = zip((2000, 500, 1500), torch.randperm(len(labels)).split([1000, 297, 500]))
sets = []
for size, rows in parts:
    rows = rows.repeat(-(-size // len(rows)))[:size]
    label = labels[rows]
    if not sets:
        label[100:] = -100
    glyph = avg_pool2d(glyphs[rows], 2).flatten(1)
    sets.append(TensorDataset(posed(glyphs[rows]), glyph, label))
# With 32 labelled images in each batch of 64, an epoch has 60 batches.
train, val, test = (DataLoader(each, batch_size=34 if each is sets[0] else 64) for each in sets)
trainer = Trainer(
    accelerator="cpu", max_epochs=1, logger=False, enable_model_summary=False,
    callbacks=[ModelCheckpoint(".", monitor="val/accuracy", mode="max"), RichProgressBar()],
)
trainer.fit(Model(), train, val)
trainer.test(dataloaders=test, ckpt_path="best", weights_only=True, verbose=False)
"""


def seconds(command: list[str], folder: str) -> tuple[float, float]:
    """Run a program, and wait for all processes that it has started.

    Returns:
        CPU seconds and wall-clock seconds; the latter only for the program itself.
    """
    before, began = _cpu(), time.perf_counter()
    environment = {"PYTHONPATH": str(ROOT / "src"), **os.environ, "WANDB_ERROR_REPORTING": "false"}
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True)
    wall = time.perf_counter() - began
    if done.returncode:
        sys.exit(f"{' '.join(command[:4])} failed:\n{done.stderr[-2000:]}")
    with suppress(ChildProcessError):
        while True:
            os.wait()
    return _cpu() - before, wall


def _cpu() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def main() -> None:
    """Measure both programs in turns."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="2 runs of each instead of 5")
    parser.add_argument("--wandb", default="offline", help="as run.wandb")
    parser.add_argument("--figures", default="true", help="as run.figures")
    options = parser.parse_args()
    if sys.platform == "linux":
        # W&B's own process ends after the program, but its time still counts.
        ctypes.CDLL(None).prctl(ADOPT, 1, 0, 0, 0)
    with tempfile.TemporaryDirectory() as folder:
        script = Path(folder) / "raw.py"
        script.write_text(RAW, encoding="utf-8")
        experiment = ROOT / "configs/experiment/digits.yaml"
        settings = {
            "trainer.accelerator": "cpu",
            "trainer.max_epochs": "1",
            "run.wandb": options.wandb,
            "run.figures": options.figures,
        }
        arguments = [f"--{name}={value}" for name, value in settings.items()]
        programs = {
            "raw Lightning": [sys.executable, str(script)],
            "multitask fit": [
                *(sys.executable, "-m", "multitask", "fit", "--config", str(experiment)),
                *arguments,
            ],
        }
        found: dict[str, list[tuple[float, float]]] = {name: [] for name in programs}
        for _round in range(2 if options.quick else 5):
            for name, command in programs.items():
                found[name].append(seconds(command, folder))
    medians = {
        name: [statistics.median(each) for each in zip(*runs, strict=True)]
        for name, runs in found.items()
    }
    for name, (cpu, wall) in medians.items():
        print(f"{name:15} {cpu:6.2f} CPU seconds   {wall:6.2f} seconds of wall-clock time")
    (raw_cpu, raw_wall), (cpu, wall) = medians.values()
    print(f"{'ratio':15} {cpu / raw_cpu:6.2f}               {wall / raw_wall:6.2f}")


if __name__ == "__main__":
    main()
