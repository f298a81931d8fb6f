"""Small data, models and trainers.

What takes long to import is imported by those who use it: under pytest-xdist, the process that
hands out the tests reads this file too.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import suppress
from functools import cache
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from cli import fork_server

if TYPE_CHECKING:
    from lightning.pytorch import Trainer
    from tiny_training import TinyData

    from multitask import MultiTask

pytest_plugins = ["browser", "conformance.table", "workers"]

# Each worker, at each start, would compile the package and rewrite the assertions of all tests.
sys.dont_write_bytecode = False

# Processes are forked, which threads of tokenizers do not survive.
os.environ["TOKENIZERS_PARALLELISM"] = "false"

PORTS = count()
"""Below those that a system gives to whoever asks for a free one."""


@pytest.fixture(scope="session", autouse=True)
def _one_fork_server(pytestconfig: pytest.Config) -> None:
    if address := getattr(pytestconfig, "workerinput", {}).get("fork_server"):
        fork_server.join(address)


@pytest.fixture(scope="session", autouse=True)
def _one_thread() -> None:
    import cli.forked_program  # noqa: F401
    import torch

    torch.set_num_threads(1)
    # Lightning asks for this check, with which each step of an optimizer looks for a driver.
    if not torch.cuda.is_available():
        os.environ["PYTORCH_NVML_BASED_CUDA_CHECK"] = "0"
        # For each seed it would note the whole stack, for devices that are never used.
        for seeding in (torch.cuda.random, torch.xpu.random, torch.mtia):
            seeding._lazy_call = lambda callable, **options: None


@pytest.fixture(scope="session", autouse=True)
def _made_once() -> None:
    from cli.made_once import build_parsers_once, pose_digits_once

    build_parsers_once()
    pose_digits_once()


@pytest.fixture(scope="session", autouse=True)
def _onnx_operators() -> None:
    """PyTorch would read all operators again for every ONNX file, from the sources of a package."""
    # Another PyTorch may have it elsewhere, and is only slower.
    with suppress(ImportError, AttributeError):
        from torch.onnx._internal.exporter._registration import ONNXRegistry

        once = staticmethod(cache(ONNXRegistry.from_torchlib))
        ONNXRegistry.from_torchlib = once  # type: ignore[assignment]


@pytest.fixture(autouse=True)
def _without_wandb(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WANDB_MODE", "disabled")
    monkeypatch.delenv("PL_GLOBAL_SEED", raising=False)


@pytest.fixture(autouse=True)
def _own_image_cache(
    monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory
) -> None:
    monkeypatch.setenv("MULTITASK_CACHE", str(tmp_path_factory.getbasetemp() / "image_cache"))


@pytest.fixture(autouse=True)
def _own_processes(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Processes that a test starts know of no test before, and meet where no other program is.

    Lightning takes a port that is free, and uses it seconds later, when the system may have given
    it to another test.
    """
    for name in ("LOCAL_RANK", "NODE_RANK", "WORLD_SIZE", "MASTER_ADDR"):
        monkeypatch.delenv(name, raising=False)
    # Each would compile the whole package for itself.
    monkeypatch.delenv("PYTHONDONTWRITEBYTECODE", raising=False)
    port = 20_000 + os.getpid() % 1000 * 10 + next(PORTS) % 10
    monkeypatch.setenv("MASTER_PORT", str(port))
    yield
    import torch.distributed as dist

    # Lightning leaves the group of a training in this process until the process ends.
    if dist.is_initialized():
        dist.destroy_process_group()


@pytest.fixture(autouse=True)
def _own_wandb() -> Iterator[None]:
    """W&B's client, which keeps what it has read from the environment, reads it anew."""
    yield
    import wandb
    from wandb.sdk import wandb_setup

    if wandb_setup._singleton is not None:
        wandb.teardown()


def pytest_collection() -> None:
    # For the source of each of its classes it looks through all modules that there are, which
    # takes two seconds if there are thousands.
    import wandb.apis.public  # noqa: F401


@pytest.fixture
def fine_pictures(monkeypatch: pytest.MonkeyPatch) -> None:
    """Pictures have as many pixels as for a user."""
    from matplotlib.figure import Figure

    monkeypatch.setattr(Figure, "savefig", Figure.savefig.__wrapped__)  # type: ignore[attr-defined]


@pytest.fixture
def new_parser(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each start builds its parser, as for a user."""
    from multitask.cli.command_line import CommandLine

    build = CommandLine.setup_parser.__wrapped__  # type: ignore[attr-defined]
    monkeypatch.setattr(CommandLine, "setup_parser", build)


@pytest.fixture
def empty_pictures(monkeypatch: pytest.MonkeyPatch) -> None:
    """Figures are made, and their files are empty: to draw them is half of a short command."""
    from matplotlib.figure import Figure

    monkeypatch.setattr(Figure, "savefig", lambda self, path, **_: Path(path).touch())


@pytest.fixture
def tiny_data() -> type[TinyData]:
    """A data set of 24 samples a split; its batches have 8."""
    from tiny_training import TinyData

    return TinyData


@pytest.fixture
def tiny_model() -> Callable[..., MultiTask]:
    """A model for the tiny data; any argument can be replaced."""
    from tiny_training import tiny_model

    return tiny_model


@pytest.fixture
def trainer(tmp_path: Path) -> Callable[..., Trainer]:
    """A silent trainer of one epoch; any argument can be replaced."""
    from lightning.pytorch import Trainer

    def make(**options: Any) -> Trainer:
        defaults: dict[str, Any] = {
            "accelerator": "cpu",
            "devices": 1,
            "max_epochs": 1,
            "default_root_dir": tmp_path,
            "logger": False,
            "enable_checkpointing": False,
            "enable_progress_bar": False,
            "enable_model_summary": False,
            "num_sanity_val_steps": 0,
        }
        return Trainer(**(defaults | options))

    return make
