"""Counts the bytes that processes exchange in a training step.

There are two independent counts. *Handed over*: torch's profiler records every collective of the
process, including those that DistributedDataParallel starts in C++, with the shapes and types of
its tensors. *Sent*: the bytes that the process writes by system calls, as counted by Linux in
``/proc/self/io``. In a step that writes no file, these are the bytes through the sockets, with the
algorithm's factor and the transport's headers.
"""

from __future__ import annotations

import json
import logging
import os
import socket
import tempfile
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
import torch.distributed as dist
from lightning.pytorch import Callback, LightningModule, Trainer
from scaling_formulas import Network
from torch import nn
from torch.multiprocessing import get_context, start_processes
from torch.nn.modules.batchnorm import _BatchNorm
from torch.profiler import ProfilerActivity, profile

from multitask import MultiTask
from multitask.balancing import Balancer
from multitask.data import DataModule
from multitask.data.dataset import BatchDataset, InMemory
from multitask.encoders import Encoder
from multitask.tasks import Classification, Regression

WARM_UP = 2
"""Batches before counting: after the first, DistributedDataParallel deals its buckets anew."""
ITEM_BYTES = {"float": 4, "double": 8, "long int": 8, "int": 4, "bool": 1, "unsigned char": 1}
"""By the profiler's name of a type."""


@dataclass(frozen=True)
class Case:
    """What to train.

    Args:
        title: name of the case.
        encoder: creates the encoder; must be picklable, like all fields.
        shape: shape of a batch over all processes, ``[batch, channels, height, width]``.
        tasks: number of tasks; classifications (10 classes) and regressions alternate.
        balancer: creates the balancer; None for the plain sum.
        steps: number of steps to count over, such as a balancer's interval.
    """

    title: str
    encoder: Callable[[], Encoder]
    shape: tuple[int, int, int, int]
    tasks: int
    balancer: Callable[[], Balancer] | None = None
    steps: int = 1

    def model(self) -> MultiTask:
        """The network, with linear heads."""
        torch.manual_seed(0)
        tasks = {f"task_{k}": Regression() if k % 2 else Classification(10) for k in self._places}
        return MultiTask(self.encoder(), tasks, self.balancer() if self.balancer else None)

    def data(self) -> RandomImages:
        """Random images with labels of all tasks, enough for the steps."""
        return RandomImages(self.shape, self.tasks, WARM_UP + self.steps + 1)

    @property
    def _places(self) -> range:
        return range(self.tasks)


@dataclass(frozen=True)
class Traffic:
    """Bytes per step, the mean over the counted steps.

    Args:
        reduced: passed to all-reduces by each process.
        broadcast: passed to broadcasts by each process.
        other: passed to any other collective by each process.
        sent: written by a process to its sockets, mean over processes.
    """

    reduced: float
    broadcast: float
    other: float
    sent: float

    @property
    def handed_over(self) -> float:
        """Bytes passed to any collective by each process."""
        return self.reduced + self.broadcast + self.other


class RandomImages(DataModule):
    """Random images; the same for all splits.

    Args:
        shape: shape of a batch.
        tasks: see `Case`.
        batches: number of batches.
    """

    def __init__(self, shape: tuple[int, int, int, int], tasks: int, batches: int) -> None:
        super().__init__(batch_size=shape[0])
        self.shape, self.tasks, self.batches = shape, tasks, batches

    def load(self) -> dict[str, BatchDataset]:
        """Draw them, the same on every process."""
        random = torch.Generator().manual_seed(0)
        size = self.batches * self.shape[0]
        images = torch.randint(256, (size, *self.shape[1:]), dtype=torch.uint8, generator=random)
        targets = {
            f"task_{place}": torch.randn(size, generator=random)
            if place % 2
            else torch.randint(10, (size,), generator=random)
            for place in range(self.tasks)
        }
        data = InMemory(images, targets)
        return {"train": data, "val": data, "test": data}


class TrafficCounter(Callback):
    """Counts over whole steps in the middle of an epoch.

    Args:
        steps: number of steps.
    """

    def __init__(self, steps: int) -> None:
        self.steps = steps
        self.found: Traffic | None = None

    def on_train_batch_start(
        self, trainer: Trainer, pl_module: LightningModule, batch: Any, batch_idx: int
    ) -> None:
        """Start or stop counting."""
        if batch_idx == WARM_UP:
            self._profile = profile(activities=[ProfilerActivity.CPU], record_shapes=True)
            self._profile.start()
            self._written = _written()
        elif batch_idx == WARM_UP + self.steps:
            written = _written() - self._written
            self._profile.stop()
            handed = _handed_over(self._profile)
            kinds = {"gloo:all_reduce": 0.0, "gloo:broadcast": 0.0}
            reduced, broadcast = (handed.pop(kind, 0.0) / self.steps for kind in kinds)
            other = sum(handed.values()) / self.steps
            self.found = Traffic(reduced, broadcast, other, written / self.steps)


def network_of(model: MultiTask) -> Network:
    """The sizes of a model that the formulas need."""
    norms = [each for each in model.modules() if isinstance(each, _BatchNorm)]
    return Network(
        encoder=_size(model.encoder),
        heads=_size(model.heads),
        features=model.encoder.out_features,  # type: ignore[arg-type]
        normalised_channels=sum(each.num_features for each in norms),
        normalisations=len(norms),
        buffer_bytes=sum(each.nbytes for each in model.buffers()),
    )


def measure(cases: Sequence[Case], processes: int) -> list[Traffic]:
    """Train each case for a few steps with Lightning's ``ddp`` over gloo.

    Args:
        cases: cases to train, one after the other in the same processes.
        processes: number of processes.

    Returns:
        The counts for each case.
    """
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    # The processes are forked from one that has already done the slow imports.
    get_context("forkserver").set_forkserver_preload(["lightning.pytorch", "multitask"])
    with tempfile.TemporaryDirectory() as folder:
        arguments = (processes, port, cases, Path(folder))
        start_processes(_train, arguments, processes, start_method="forkserver")
        files = [Path(folder) / f"{rank}.json" for rank in range(processes)]
        ranks = [[Traffic(**each) for each in json.loads(file.read_text())] for file in files]
    return [_joined(each) for each in zip(*ranks, strict=True)]


def _joined(processes: Sequence[Traffic]) -> Traffic:
    first = processes[0]
    for each in processes:
        # Every process passes the same amount to a collective.
        assert (each.reduced, each.broadcast) == (first.reduced, first.broadcast), processes
    sent = sum(each.sent for each in processes) / len(processes)
    return Traffic(first.reduced, first.broadcast, first.other, sent)


def _train(rank: int, processes: int, port: int, cases: Sequence[Case], folder: Path) -> None:
    warnings.filterwarnings("ignore")
    for name in ("lightning.pytorch", "lightning.fabric"):
        logging.getLogger(name).setLevel(logging.ERROR)
    torch.set_num_threads(1)
    place = {"RANK": rank, "LOCAL_RANK": rank, "GROUP_RANK": 0}
    world = {"WORLD_SIZE": processes, "LOCAL_WORLD_SIZE": processes, "MASTER_PORT": port}
    # The variables that torchrun sets, so that Lightning uses these processes.
    names = {"MASTER_ADDR": "127.0.0.1", "TORCHELASTIC_RUN_ID": "scaling", "KINETO_LOG_LEVEL": 9}
    os.environ.update({name: str(value) for name, value in (place | world | names).items()})
    found = []
    for case in cases:
        counter = TrafficCounter(case.steps)
        trainer = Trainer(
            accelerator="cpu",
            devices=processes,
            strategy="ddp" if processes > 1 else "auto",
            max_epochs=1,
            limit_val_batches=0,
            callbacks=[counter],
            logger=False,
            enable_checkpointing=False,
            enable_progress_bar=False,
            enable_model_summary=False,
        )
        trainer.fit(case.model(), case.data())
        assert counter.found is not None
        found.append(vars(counter.found))
    (folder / f"{rank}.json").write_text(json.dumps(found))
    if dist.is_initialized():
        dist.destroy_process_group()


def _handed_over(profiler: profile) -> dict[str, float]:
    with tempfile.TemporaryDirectory() as folder:
        profiler.export_chrome_trace(f"{folder}/trace.json")
        events = json.loads(Path(f"{folder}/trace.json").read_text())["traceEvents"]
    handed: dict[str, float] = {}
    for event in events:
        known = event.get("args", {})
        if event["name"].startswith("gloo:") and "Input Dims" in known:
            pairs = zip(known["Input Dims"], known["Input type"], strict=True)
            size = sum(ITEM_BYTES[kind] * torch.Size(shape).numel() for shape, kind in pairs)
            handed[event["name"]] = handed.get(event["name"], 0.0) + size
    return handed


def _written() -> int:
    """Bytes that this process has written so far; 0 if the system does not count them."""
    file = Path("/proc/self/io")
    if not file.exists():
        return 0
    counts = dict(line.split(": ") for line in file.read_text().splitlines())
    return int(counts["wchar"])


def _size(network: nn.Module) -> int:
    return sum(each.numel() for each in network.parameters() if each.requires_grad)
