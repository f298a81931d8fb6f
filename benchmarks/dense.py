"""Measure the cost of the gate with three map tasks, and the memory of evaluating maps.

Steps of a balancer at the level ``representation`` take turns with plain ones, which only sum the
losses: resnet18's maps of 128x128 pixels, a segmentation, a depth and normals. Time is CPU time,
which excludes other programs, or wall-clock time on a GPU. Memory is the peak that a step adds:
resident memory as reported by the system, or allocated memory on a GPU.

Then the trainer evaluates 50 and 500 images, with figures, each in a separate process.

    python benchmarks/dense.py [--rounds 20] [--batch 8] [--images 50 500]
"""

from __future__ import annotations

import argparse
import gc
import multiprocessing
import statistics
import tempfile
import time
import warnings
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import torch
from balancing_memory import _peak, _reset_peak, memory_process
from lightning.pytorch import Trainer
from torch import Tensor
from torch.nn.functional import normalize

from multitask import MultiTask
from multitask.balancing import Balancer, FixedWeights, GradientBalancer
from multitask.balancing.weightings import IMTLG, UPGrad
from multitask.callbacks import Figures
from multitask.data import DataModule
from multitask.data.dataset import BatchDataset
from multitask.encoders import TimmMaps
from multitask.tasks import Depth, Normals, Segmentation, Task

SIDE, CLASSES = 128, 13
BALANCERS: dict[str, Callable[[], Balancer]] = {
    "plain again": FixedWeights,
    "IMTLG": lambda: GradientBalancer(IMTLG()),
    "UPGrad": lambda: GradientBalancer(UPGrad()),
}


def tasks() -> dict[str, Task]:
    """Three map tasks."""
    return {"classes": Segmentation(CLASSES), "depth": Depth(), "normals": Normals()}


def target(name: str, count: int, generator: torch.Generator) -> Tensor:
    """Random targets of a task, with a tenth of the pixels missing."""
    is_missing = torch.rand(count, SIDE, SIDE, generator=generator) < 0.1
    if name == "classes":
        numbers = torch.randint(CLASSES, (count, SIDE, SIDE), generator=generator)
        return numbers.masked_fill(is_missing, -100)
    if name == "depth":
        numbers = 1 + torch.rand(count, SIDE, SIDE, generator=generator)
        return numbers.masked_fill(is_missing, torch.nan)
    vectors = normalize(torch.randn(count, 3, SIDE, SIDE, generator=generator), dim=1)
    return vectors.masked_fill(is_missing.unsqueeze(1), torch.nan)


class Steps:
    """Trains one model on one random batch.

    Args:
        balancer: balancer of its losses or gradients.
        size: batch size.
        device: device of the training.
    """

    def __init__(self, balancer: Balancer, size: int, device: str) -> None:
        torch.manual_seed(0)
        self.model = MultiTask(TimmMaps("resnet18"), tasks(), balancer).to(device).train()
        self.optimizer = torch.optim.AdamW(self.model.parameters(), lr=1e-6)
        generator = torch.Generator().manual_seed(0)
        targets = {name: target(name, size, generator) for name in self.model.named_tasks}
        batch = {"image": torch.rand(size, 3, SIDE, SIDE, generator=generator), **targets}
        self.batch = {name: each.to(device) for name, each in batch.items()}

    def __call__(self) -> None:
        """Take a step, in the same order as ``fit``."""
        model = self.model
        losses, totals = model.losses(model(*model.inputs_of(self.batch)), self.batch)
        loss = model.balancer(losses, totals[1] > 0)
        self.optimizer.zero_grad()
        loss.backward()
        model.balancer.after_backward()
        self.optimizer.step()


def step_memory(name: str | None, size: int, device: str) -> float:
    """The peak bytes of a balancer's step, in a separate process."""
    torch.set_num_threads(1)
    step = Steps((BALANCERS[name] if name else FixedWeights)(), size, device)
    step()
    step()
    step.optimizer.zero_grad()
    gc.collect()
    rest = _reset_peak(torch.device(device))
    step()
    return _peak(torch.device(device)) - rest


def seconds(step: Callable[[], None], device: str) -> float:
    """CPU time, or wall-clock time on a GPU."""
    if device == "cpu":
        began = time.process_time()
        step()
        return time.process_time() - began
    torch.cuda.synchronize()
    began = time.perf_counter()
    step()
    torch.cuda.synchronize()
    return time.perf_counter() - began


def measure_steps(size: int, rounds: int, device: str) -> None:
    """Print each balancer's time and memory, in plain steps."""
    plain = Steps(FixedWeights(), size, device)
    with memory_process() as pool:
        memory = pool.submit(step_memory, None, size, device).result()
    print(f"resnet18's maps, {SIDE}x{SIDE}, batch {size}, 3 tasks of maps, {device}")
    for name, balancer in BALANCERS.items():
        step, ratios = Steps(balancer(), size, device), []
        before = seconds(plain, device)
        for turn in range(rounds + 1):
            took, after = seconds(step, device), seconds(plain, device)
            if turn:
                ratios.append(2 * took / (before + after))
            before = after
        with memory_process() as pool:
            own = pool.submit(step_memory, name, size, device).result()
        low, median, high = statistics.quantiles(ratios, n=4)
        print(
            f"  {name:12} time {median:.3f} [{low:.3f}, {high:.3f}], memory {own / memory:.3f} of "
            f"plain ({before:.2f} s, {memory / 2**20:.0f} MiB)",
            flush=True,
        )


class MadeOnReading:
    """Random targets that are not stored.

    Args:
        name: name of the task.
        size: number of samples.
    """

    def __init__(self, name: str, size: int) -> None:
        self.name, self.size = name, size

    def __len__(self) -> int:
        return self.size

    def __getitem__(self, indices: Tensor, /) -> Tensor:
        generator = torch.Generator().manual_seed(int(indices[0]))
        return target(self.name, len(indices), generator)


class RandomImages(BatchDataset):
    """Random images that are not stored, with random maps.

    Args:
        size: number of samples.
    """

    def __init__(self, size: int) -> None:
        super().__init__({name: MadeOnReading(name, size) for name in tasks()})
        self.size = size

    def __len__(self) -> int:
        return self.size

    def images(self, indices: Tensor) -> Tensor:
        generator = torch.Generator().manual_seed(int(indices[0]))
        return torch.rand(len(indices), 3, SIDE, SIDE, generator=generator)


class RandomMaps(DataModule):
    """A few training samples and the requested number of test samples.

    Args:
        size: number of test samples.
    """

    is_looked_at = False

    def __init__(self, size: int) -> None:
        super().__init__(batch_size=10)
        self.size = size

    def load(self) -> dict[str, BatchDataset]:
        """Splits of random samples."""
        return {
            "train": RandomImages(20),
            "val": RandomImages(20),
            "test": RandomImages(self.size),
        }


def evaluation_memory(images: int) -> float:
    """The peak bytes that evaluating a number of images adds, with figures."""
    warnings.filterwarnings("ignore")
    torch.set_num_threads(1)
    model, data = MultiTask(TimmMaps("resnet18"), tasks()), RandomMaps(images)
    with tempfile.TemporaryDirectory() as folder:
        trainer = Trainer(
            accelerator="cpu",
            logger=False,
            enable_progress_bar=False,
            enable_model_summary=False,
            callbacks=[Figures(Path(folder))],
        )
        gc.collect()
        rest = _reset_peak(torch.device("cpu"))
        trainer.test(model, data, verbose=False)
        return _peak(torch.device("cpu")) - rest


def measure_evaluation(numbers: Sequence[int]) -> None:
    """Print the peak memory that evaluating each number of images adds."""
    for images in numbers:
        with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as pool:
            added = pool.submit(evaluation_memory, images).result()
        print(f"  evaluating {images} images adds {added / 2**20:.0f} MiB", flush=True)


def main() -> None:
    """Measure."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--rounds", type=int, default=20)
    parser.add_argument("--batch", type=int, default=8)
    parser.add_argument("--images", type=int, nargs="*", default=[50, 500])
    given = parser.parse_args()
    warnings.filterwarnings("ignore")
    measure_steps(given.batch, given.rounds, "cuda" if torch.cuda.is_available() else "cpu")
    measure_evaluation(given.images)


if __name__ == "__main__":
    main()
