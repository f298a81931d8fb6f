"""Edges and other rare pixels."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from sklearn.metrics import average_precision_score, precision_recall_curve
from torch import Tensor
from torch.nn.functional import binary_cross_entropy_with_logits, kl_div
from torch.testing import assert_close
from torchmetrics.classification import BinaryAveragePrecision

from multitask.errors import InputError
from multitask.tasks import Edges


def maps() -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(0)
    target = (torch.rand(4, 12, 10, generator=generator) < 0.15).long()
    output = 2 * target.unsqueeze(1) + torch.randn(4, 1, 12, 10, generator=generator)
    target[torch.rand(4, 12, 10, generator=generator) < 0.3] = -100
    target[2] = -100
    return output, target


def task(balanced: bool = True) -> Edges:
    found = Edges(balanced)
    found.learn_statistics("edges", maps()[1])
    return found


def test_metrics_are_those_of_all_known_pixels() -> None:
    edges, (output, target) = task(), maps()
    metrics = edges.metrics()
    for rows in (slice(0, 1), slice(1, 3), slice(3, 4)):
        edges.update_metrics(metrics, output[rows], target[rows])
    known = target >= 0
    # As many probabilities as the thresholds can tell apart.
    binned = (edges.predict(output)[known] * 1000).floor() / 1000
    expected = average_precision_score(target[known], binned)
    precision, recall, _ = precision_recall_curve(target[known], binned)
    best = np.nanmax(2 * precision * recall / (precision + recall))
    values = {name: float(each) for name, each in metrics.compute().items()}
    assert values == pytest.approx({"average_precision": expected, "f": best}, rel=1e-6)
    other = BinaryAveragePrecision(thresholds=torch.arange(1000) / 1000)
    assert float(other(binned, target[known])) == pytest.approx(expected, rel=1e-5)
    trivial = edges.metrics()
    edges.update_metrics(trivial, edges.trivial_output(output), target)
    assert_close(trivial.compute()["average_precision"], (target[known] == 1).float().mean())


@pytest.mark.parametrize("balanced", [True, False])
def test_both_kinds_of_pixels_weigh_the_same(balanced: bool) -> None:
    edges, (output, target) = task(balanced), maps()
    known = target >= 0
    share = (target[known] == 1).float().mean() if balanced else 0.5
    # Twice, since 1 - 0.5 is not 1.
    weights = torch.where(target[known] == 1, 1 - share, share) * (1 if balanced else 2)
    goal = target[known].float()
    losses = binary_cross_entropy_with_logits(output[:, 0][known], goal, reduction="none")
    output.requires_grad_()
    total, count = edges.loss(output, target)
    assert_close(total, (weights * losses).sum())
    assert_close(count, weights.sum())
    each, counts = edges.sample_loss(output, target)
    assert_close(torch.stack([each.sum(), counts.sum()]), torch.stack([total, count]))
    total.backward()
    assert output.grad is not None
    assert (output.grad[:, 0][~known] == 0).all()


def test_distance_and_ensemble_are_of_probabilities() -> None:
    edges, (output, _) = task(), maps()
    other = output + torch.linspace(-2, 2, output.numel()).view_as(output)

    def logs(values: Tensor) -> Tensor:
        return torch.cat([torch.zeros_like(values), values], 1).div(3).log_softmax(1)

    expected = 9 * kl_div(logs(output), logs(other), reduction="none", log_target=True).sum(1)
    assert_close(edges.distance(output, other, 3.0), expected.flatten(1).mean(1))
    pool = edges.pool()
    assert pool is not None
    pool.add(edges, output)
    pool.add(edges, other)
    mean = (edges.predict(output) + edges.predict(other)) / 2
    assert_close(edges.predict(pool.output()), mean)
    assert pool.disagreement()["mutual_information"].shape == (4,)


def test_predictions_are_grey_pictures(tmp_path: Path) -> None:
    edges, (output, _) = task(), maps()
    prediction = edges.predict(output)
    paths = edges.save(tmp_path / "edges", list("abcd"), prediction)
    assert list(paths) == edges.column_names("edges") == ["edges"]
    found = torch.tensor(np.asarray(Image.open(paths["edges"][1])))
    assert_close(found / 255, prediction[1], rtol=0, atol=0.5 / 255)


def test_targets_that_are_no_edges() -> None:
    _, target = maps()
    target[1, 0, 0] = 2
    with pytest.raises(InputError, match="training sample 1 has a pixel of 2; a pixel must be 0"):
        Edges().check("edges", target, "training")
    with pytest.raises(InputError, match=r"int64 of shape \[samples, height, width\]"):
        Edges().check("edges", torch.zeros(4, 5), "training")
    bytes_of = torch.where(target < 0, 255, target.clamp(max=1)).byte()
    Edges().check("edges", bytes_of, "training")
