"""The benchmark of the balancing methods steps as training does; how fast is not asserted."""

from __future__ import annotations

import importlib
from pathlib import Path
from typing import Any

import pytest
import torch
from conformance.training import small_model, train
from torch import Tensor

from multitask.balancing import FixedWeights
from multitask.balancing.task_gradients import TaskGradients

FOLDER = Path(__file__).parents[2] / "benchmarks"


@pytest.fixture
def benchmark(monkeypatch: pytest.MonkeyPatch) -> Any:
    """The script as a module."""
    monkeypatch.syspath_prepend(FOLDER)
    module = importlib.import_module("balancing")
    monkeypatch.setattr(importlib.import_module("balancing_timing"), "BLOCK_SECONDS", 1e-6)
    return module


class Watched(FixedWeights):
    """Keeps the order of what happens to it, and to an optimizer, in a training."""

    weighs_gradients = True

    def __init__(self) -> None:
        super().__init__()
        self.calls: list[str] = []

    def forward(self, losses: Tensor, labelled: Tensor) -> Tensor:
        self.calls.append("forward")
        return super().forward(losses, labelled)

    def combine(self, gradients: TaskGradients) -> list[Tensor | None]:
        self.calls.append("combine")
        return super().combine(gradients)

    def after_backward(self) -> None:
        self.calls.append("after_backward")

    def after_step(self, *_: Any) -> None:
        self.calls.append("after_step")

    def optimizer(self, parameters: Any) -> torch.optim.Optimizer:
        """An optimizer whose work is kept, too."""
        calls = self.calls

        class Optimizer(torch.optim.SGD):
            def zero_grad(self, set_to_none: bool = True) -> None:
                calls.append("zero_grad")
                super().zero_grad(set_to_none)

            def step(self, closure: Any = None) -> Any:
                result = super().step(closure)
                calls.append("step")
                return result

        return Optimizer(parameters, lr=0.0)


def test_a_step_of_the_benchmark_is_one_of_a_training(benchmark: Any) -> None:
    in_fit, here = Watched(), Watched()
    model = small_model(in_fit)
    model.optimizer = in_fit.optimizer
    train(model, steps=2)
    training = benchmark.Training(benchmark.CASES["convnet"], 2, "cpu", "32-true")
    training.optimizer = here.optimizer(training.encoder.parameters())
    for _ in range(2):
        training.step(here)
    assert here.calls == in_fit.calls
    assert here.calls[-1] == "after_step"


def test_each_method_is_timed_against_the_plain_sum(benchmark: Any) -> None:
    methods = ["plain", "UPGrad", "UPGrad/shared/10", "UPGrad/last", "mtl_backward/UPGrad/1"]
    training = benchmark.Training(benchmark.CASES["convnet"], 2, "cpu", "32-true")
    pairs = benchmark.beside_plain(methods, training, "convnet")
    seconds, ratios = benchmark.step_ratios(pairs, 2, training.device)
    assert seconds > 0
    assert list(ratios) == methods
    assert all(len(each) == 2 and min(each) > 0 for each in ratios.values())


def test_libmtls_step_is_taken_from_a_copy_of_its_repository(
    benchmark: Any, tmp_path: Path
) -> None:
    stand_in(tmp_path)
    training = benchmark.Training(benchmark.CASES["convnet"], 2, "cpu", "32-true")
    before = training.encoder.embedding[1].weight.detach().clone()
    training.optimizer = torch.optim.SGD(training.encoder.parameters(), lr=1.0)
    losses = training.losses([training.encoder(training.images)] * 2)
    expected = torch.autograd.grad(sum(losses), training.encoder.embedding[1].weight)[0]
    benchmark.libmtl_step(tmp_path, "Twice", training)()
    moved = before - training.encoder.embedding[1].weight.detach()
    torch.testing.assert_close(moved, 2 * expected, rtol=1e-3, atol=1e-5)


def stand_in(folder: Path) -> None:
    """Write what the benchmark uses of LibMTL: the two bases of a model, by LibMTL's names."""
    sharing = """
import torch
class HPS(torch.nn.Module):
    def __init__(self, task_name, encoder_class, decoders, **_):
        super().__init__()
        self.task_name, self.encoder, self.decoders = task_name, encoder_class(), decoders
    def forward(self, images):
        seen = self.encoder(images)
        return {name: self.decoders[name](seen) for name in self.task_name}
"""
    weighting = """
class Twice:
    def init_param(self):
        self.factor = 2
    def backward(self, losses):
        (self.factor * losses.sum()).backward()
"""
    for name, text in (("architecture/HPS", sharing), ("weighting/Twice", weighting)):
        file = folder / "LibMTL" / f"{name}.py"
        file.parent.mkdir(parents=True)
        file.write_text(text)
        # None of LibMTL's packages is imported as a whole, which needs what no step does.
        file.with_name("__init__.py").write_text("raise ImportError")


def test_a_table_of_medians_has_a_dash_where_nothing_was_measured(
    benchmark: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    table = benchmark.Table(["plain", "UPGrad"])
    table.add("T=2", {"plain": "1.00"})
    table.show("ratios")
    assert capsys.readouterr().out == "\nratios\n        T=2\nplain   1.00\nUPGrad  -\n"


@pytest.mark.parametrize(("rounds", "expected"), [(3, (2, 1, 3)), (6, (3.5, 1, 6)), (9, (5, 2, 8))])
def test_the_interval_lies_between_order_statistics(
    benchmark: Any, rounds: int, expected: tuple[float, float, float]
) -> None:
    # Nine values lie around their median with 96 % from the second to the second last.
    assert benchmark.median_interval(list(range(rounds, 0, -1))) == expected
