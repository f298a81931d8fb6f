"""A model that no memory could hold is refused before it asks for any."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import nn

from multitask import InputError
from multitask.training.memory_limit import MemoryLimit, memory


@pytest.mark.parametrize(
    "make",
    [
        lambda: nn.Linear(64, 10**12),
        lambda: torch.zeros(10**12),
        lambda: torch.empty((10**9, 10**9, 10**9), dtype=torch.int64),
        lambda: torch.full(size=(10**7, 10**7), fill_value=0.0),
    ],
)
def test_a_tensor_larger_than_memory_is_refused(make: Callable[[], object]) -> None:
    with MemoryLimit(), pytest.raises(InputError, match="this machine has .* GiB of memory"):
        make()


def test_others_are_as_without_it() -> None:
    with MemoryLimit():
        torch.manual_seed(0)
        layer = nn.Linear(3, 2)
        assert torch.zeros(10**15, device="meta").numel() == 10**15
        assert torch.rand(()).shape == ()
    torch.manual_seed(0)
    assert torch.equal(layer.weight, nn.Linear(3, 2).weight)
    assert memory() > 2**30


@pytest.mark.parametrize(
    ("argument", "right"),
    [
        ("--model.tasks.digit.num_classes=1000000000000", "at most 10,000,000"),
        ("--model.tasks.glyph.size=1000000000000", "GiB of memory"),
        ("--model.encoder.out_features=1000000000000", "GiB of memory"),
    ],
)
def test_a_number_that_is_too_large_is_one_sentence(
    argument: str, right: str, capsys: pytest.CaptureFixture[str]
) -> None:
    from cli.conftest import DIGITS

    from multitask.cli.main import main

    with pytest.raises(SystemExit) as stopped:
        main(["fit", f"--config={DIGITS}", "--run.wandb=off", argument])
    assert stopped.value.code == 2
    assert right in capsys.readouterr().err
