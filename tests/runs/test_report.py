"""What a run says of its metrics when it is done."""

from __future__ import annotations

import math

import torch
from rich.console import Console
from tiny_training import TinyData

from multitask import MultiTask
from multitask.encoders import MLP
from multitask.runs.report import describe_predicted, results_table
from multitask.tasks import GaussianRegression


def test_a_coverage_has_no_better_end() -> None:
    model = MultiTask(MLP(16, hidden=[8], out_features=8), {"size": GaussianRegression()})
    higher = dict(model.evaluations.directions())
    assert higher["test/size/coverage"] is None
    console = Console(record=True)
    values = {name: torch.tensor(0.5) for name in higher}
    console.print(results_table(model, "test", values))
    said = console.export_text()
    assert "r2 ↑" in said
    assert "interval_width ↓" in said
    assert "coverage " in said
    assert "coverage ↑" not in said
    assert "coverage ↓" not in said


def test_a_loader_without_a_length_predicts_for_all_samples() -> None:
    data = TinyData()
    data.setup("predict")
    assert "24 of 72 samples" in describe_predicted(data, [math.inf], None)[0]
    assert "8 of 72 samples" in describe_predicted(data, [1], None)[0]
