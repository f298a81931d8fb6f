"""A task of one's own: four methods, and several outputs if it needs them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from lightning.pytorch import Trainer
from torch import Tensor, nn
from torchmetrics import MeanAbsoluteError, MetricCollection

from multitask import MultiTask, missing_labels
from multitask.callbacks import Figures, GradientTelemetry, PredictionTable
from multitask.data import DataModule
from multitask.tasks import Classification, Task
from multitask.training.score import contribution

pytestmark = pytest.mark.filterwarnings("ignore")


class TwoOutputs(nn.Module):
    """A mean and a scale for each sample.

    Args:
        in_features: size of the representation.
        out_features: of each.
    """

    def __init__(self, in_features: int, out_features: int) -> None:
        super().__init__()
        self.mean = nn.Linear(in_features, out_features)
        self.scale = nn.Linear(in_features, out_features)

    def forward(self, representation: Tensor) -> dict[str, Tensor]:
        return {"mean": self.mean(representation), "scale": self.scale(representation).exp()}


class Laplace(Task):
    """A number with its spread: the likelihood of a Laplace distribution."""

    def __init__(self) -> None:
        super().__init__(head=TwoOutputs)

    @property
    def out_features(self) -> int:
        return 1

    def loss(self, output: dict[str, Tensor], target: Tensor) -> tuple[Tensor, Tensor]:
        mean, scale = output["mean"][:, 0], output["scale"][:, 0]
        known = missing_labels.known(target)
        error = (mean - torch.where(known, target, 0) / 100).abs()
        each = torch.where(known, error / scale + scale.log(), 0.0)
        return each.sum(), known.sum().to(mean.dtype)

    def predict(self, output: dict[str, Tensor]) -> Tensor:
        return output["mean"][:, 0].float() * 100

    def uncertainty(self, output: dict[str, Tensor]) -> dict[str, Tensor]:
        return {"scale": output["scale"][:, 0] * 100}

    def metrics(self) -> MetricCollection:
        return MetricCollection({"mae": MeanAbsoluteError()})


def test_it_trains_is_tested_drawn_and_predicted(
    tiny_data: Callable[..., DataModule],
    tiny_model: Callable[..., MultiTask],
    trainer: Callable[..., Trainer],
    tmp_path: Path,
) -> None:
    tasks = {"kind": Classification(3), "size": Laplace()}
    model, data = tiny_model(tasks=tasks), tiny_data()
    callbacks = [
        Figures(tmp_path / "figures"),
        GradientTelemetry(tmp_path / "gradients.png"),
        PredictionTable(tmp_path / "predictions.csv"),
    ]
    fitted = trainer(callbacks=callbacks)
    fitted.fit(model, data)
    fitted.test(model, data, verbose=False)
    assert fitted.callback_metrics["test/size/mae"].isfinite()
    assert "trivial/size/mae" not in fitted.callback_metrics
    # A task without a headline metric does not enter the score.
    values = fitted.callback_metrics
    kind = float(values["trivial/kind/accuracy"])
    assert values["test/score"] == contribution(values["test/kind/accuracy"], kind, True)
    figures = {path.name for path in (tmp_path / "figures/test").iterdir()}
    assert figures == {"samples.png", "kind.png", "predictions.html"}
    predictions: Any = fitted.predict(model, data)
    assert predictions[0]["size"].shape == (8,)
    header = (tmp_path / "predictions.csv").read_text().splitlines()[0]
    probabilities = [f"kind.probability{each}" for each in ("", ".0", ".1", ".2")]
    assert header.split(",") == ["index", "kind", *probabilities, "kind.entropy", "size.scale"]
