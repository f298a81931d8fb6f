"""The benchmark of the sharing schemes; how fast is not asserted."""

from __future__ import annotations

import importlib
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import torch

from multitask.encoders import MLP, Displacement
from multitask.sharing import MMoE

FOLDER = Path(__file__).parents[2] / "benchmarks"


@pytest.fixture
def benchmark(monkeypatch: pytest.MonkeyPatch) -> Any:
    """The script as a module."""
    monkeypatch.syspath_prepend(FOLDER)
    return importlib.import_module("sharing")


def test_each_scheme_takes_steps_beside_hard_sharing(
    benchmark: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    make, images = partial(MLP, 12, [8], 6), torch.rand(4, 1, 3, 4)
    steps = benchmark.steps_of(benchmark.SCHEMES, make, images, 2)
    assert list(steps) == ["plain", *benchmark.SCHEMES]
    before = [each.detach().clone() for each in steps["Cross-Stitch"].model.parameters()]
    importlib.import_module("beside_plain").print_ratios("tiny", steps, 2)
    after = steps["Cross-Stitch"].model.parameters()
    assert all(not torch.equal(*pair) for pair in zip(before, after, strict=True))
    said = capsys.readouterr().out
    assert all(name in said for name in benchmark.SCHEMES)


def test_a_scheme_that_the_encoder_does_not_fit_is_said(
    benchmark: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    steps = benchmark.steps_of(benchmark.SCHEMES, partial(Displacement, 12), torch.rand(4, 12), 2)
    assert "LowRankTasks" not in steps
    assert "no linear or convolution layer" in capsys.readouterr().out


def test_a_scheme_is_written_as_a_class_with_settings(benchmark: Any) -> None:
    found = benchmark.scheme_of("multitask.sharing.MMoE(experts=2, width=5)")
    assert (found.func, found.keywords) == (MMoE, {"experts": 2, "width": 5})
    with pytest.raises(ValueError, match="is not a class with settings"):
        benchmark.scheme_of("multitask.sharing.MMoE")
