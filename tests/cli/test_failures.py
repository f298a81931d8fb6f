"""What ends a training from outside is told in one sentence."""

from __future__ import annotations

import errno
from collections.abc import Callable
from functools import partialmethod
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from multitask import MultiTask
from multitask.runs.failures import advice, explained

OUT_OF_MEMORY = """
import torch
from lightning.pytorch import Callback

class Exhaust(Callback):
    def on_train_batch_start(self, trainer, *_):
        raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB.")
"""


def test_memory_that_is_used_up_says_what_to_change(
    fails: Callable[..., str], quick: tuple[str, ...], tmp_path: Path
) -> None:
    (tmp_path / "exhausting.py").write_text(OUT_OF_MEMORY)
    said = fails("fit", *quick, "--trainer.callbacks=exhausting.Exhaust", "--data.batch_size=96")
    assert "ran out of memory with batches of 96; lower data.batch_size" in said
    assert "trainer.accumulate_grad_batches" in said
    assert "start it again" in said


def test_the_largest_batch_that_fits_is_found(
    multitask: Callable[..., None], quick: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    sizes: list[int] = []
    step = MultiTask.training_step

    def on_a_small_gpu(model: MultiTask, batch: dict[str, Tensor], batch_idx: int) -> Tensor:
        sizes.append(len(batch["image"]))
        if sizes[-1] > 128:
            raise RuntimeError("CUDA out of memory. Tried to allocate 2.00 GiB.")
        return step(model, batch, batch_idx)

    monkeypatch.setattr(MultiTask, "training_step", on_a_small_gpu)
    finder = "--trainer.callbacks=lightning.pytorch.callbacks.BatchSizeFinder"
    options = ["init_val=64", "steps_per_trial=1"]
    multitask("fit", *quick, finder, *(f"--trainer.callbacks.{option}" for option in options))
    assert sizes == [64, 128, 256, 128, 128, 128, 128]


def test_encoder_that_cannot_be_compiled_says_how_to_do_without(
    fails: Callable[..., str], quick: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    def backend(graph: object, inputs: object) -> None:
        raise RuntimeError("No working C++ compiler found")

    monkeypatch.setattr(nn.Module, "compile", partialmethod(nn.Module.compile, backend=backend))
    said = fails("fit", *quick, "--model.compile=true")
    assert "the encoder cannot be compiled" in said
    assert "No working C++ compiler found" in said
    assert "set model.compile to false" in said


def raised(call: Callable[[], Any]) -> Exception:
    try:
        call()
    except Exception as error:
        return error
    raise AssertionError("nothing was raised")


@pytest.mark.parametrize(
    ("error", "says"),
    [
        (
            OSError(errno.ENOSPC, "No space left on device", "a/b"),
            "a/b cannot be written (No space",
        ),
        (OSError(errno.EROFS, "Read-only file system"), "a file of run cannot be written (Read-"),
        (RuntimeError("Connection closed by peer [1.2.3.4]\nmore"), "by peer [1.2.3.4]); it had"),
        (
            RuntimeError("The server socket has failed to listen. port: 46025, name: EADDRINUSE"),
            "port 46025, on which the processes were to meet, is in use by another program",
        ),
        (raised(lambda: nn.BatchNorm1d(3)(torch.zeros(1, 3))), "needs at least 2 training samples"),
        (RuntimeError("NCCL error in: somewhere"), "another process no longer responds"),
    ],
)
def test_reasons(error: Exception, says: str) -> None:
    assert says in str(explained(error, Path("run"), 8))


@pytest.mark.parametrize(
    "error",
    [OSError(errno.ENOENT, "No such file", "x"), RuntimeError("shapes"), ValueError("NCCL")],
)
def test_other_errors_are_not_explained(error: Exception) -> None:
    assert explained(error, Path("run"), 8) is None


def test_a_run_with_a_checkpoint_can_go_on(tmp_path: Path) -> None:
    assert "start it again" in advice(tmp_path)
    (tmp_path / "checkpoints").mkdir()
    torch.save({}, tmp_path / "checkpoints/last.ckpt")
    assert advice(tmp_path) == f"continue with: multitask resume {tmp_path}"


def test_deterministic_runs_are_bit_identical(
    multitask: Callable[..., None], quick: tuple[str, ...]
) -> None:
    for _ in range(2):
        multitask("fit", *quick, "--trainer.deterministic=true")
    files = Path("runs/digits").glob("*/checkpoints/last.ckpt")
    one, two = (torch.load(path, weights_only=True)["state_dict"] for path in files)
    assert all(torch.equal(values, two[name]) for name, values in one.items())
    assert len(one) == len(two) > 10
