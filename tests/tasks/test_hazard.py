"""Survival: the likelihood by hand, censored samples, and which time comes first."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from matplotlib.figure import Figure
from torch import Tensor
from torch.testing import assert_close

from multitask.errors import InputError
from multitask.tasks import Hazard
from multitask.tasks.concordance import Concordance, concordance
from multitask.tasks.survival_figure import kaplan_meier

ENDS = [1.0, 2.0, 4.0, 8.0]


def drawn(samples: int = 80) -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(0)
    time = (10 * torch.rand(samples, generator=generator)).round(decimals=1)
    event = (torch.rand(samples, generator=generator) < 0.6).float()
    target = torch.stack([time, event], 1)
    target[:3] = torch.tensor([[0.0, 1.0], [8.0, 1.0], [2.0, 0.0]])
    target[5::6] = torch.nan
    target[10, 0] = torch.nan
    return torch.randn(samples, len(ENDS), generator=generator), target


def made() -> Hazard:
    task = Hazard(ENDS)
    task.learn_statistics("death", drawn()[1])
    return task


def by_hand(hazards: list[float], time: float, event: float) -> float:
    """The likelihood of one sample, bin by bin."""
    found, start = 1.0, 0.0
    for hazard, end in zip(hazards, ENDS, strict=True):
        if event and time <= end:
            return found * hazard
        if not event and time < (start + end) / 2:
            return found
        found, start = found * (1 - hazard), end
    return found


def test_the_loss_is_the_likelihood_bin_by_bin() -> None:
    output, target = drawn()
    output.requires_grad_()
    task = made()
    losses, counts = task.sample_loss(output, target)
    assert (counts == target.isfinite().all(1)).all()
    for row, pair in enumerate(target.tolist()):
        hazards = (output[row].detach() + task.trivial).sigmoid().tolist()
        right = 0.0 if np.isnan(pair).any() else -np.log(by_hand(hazards, *pair))
        assert float(losses[row].detach()) == pytest.approx(right, abs=1e-5)
    loss, count = made().loss(output, target)
    assert_close(loss, losses.sum())
    assert count == counts.sum()
    (gradient,) = torch.autograd.grad(loss, output)
    assert gradient.isfinite().all()
    assert (gradient[5::6] == 0).all()


def test_curves_fall_and_the_median_is_where_half_survive() -> None:
    task, (output, _) = made(), drawn()
    curves = task.predict(output)
    assert_close(curves[:, 1:], (1 - (output + task.trivial).sigmoid()).cumprod(1))
    assert (curves[:, 0] == 1).all()
    median = task.columns("death", curves)["death"]
    assert isinstance(median, Tensor)
    for row, at in enumerate(median.tolist()):
        # Logarithms are straight lines between the bins' ends.
        logs = np.interp(at, [0, *ENDS], curves[row].log().numpy())
        assert at == ENDS[-1] or np.exp(logs) == pytest.approx(0.5, rel=1e-4)
        assert (curves[row, -1] > 0.5) <= (at == ENDS[-1])
    assert_close(task.raw(task.log_survival(output)), output, rtol=1e-4, atol=1e-4)


def pairs_by_hand(predicted: Tensor, time: Tensor, event: Tensor) -> float:
    right = total = 0.0
    for i in range(len(time)):
        for j in range(len(time)):
            first = event[i] and (time[i] < time[j] or (time[i] == time[j] and not event[j]))
            if first:
                total += 1
                right += 1.0 * (predicted[i] < predicted[j]) + 0.5 * (predicted[i] == predicted[j])
    return float(right / total)


@pytest.mark.parametrize("samples", [3, 8, 65])
def test_concordance_counts_every_comparable_pair(samples: int) -> None:
    generator = torch.Generator().manual_seed(samples)
    # Few different numbers, so that all kinds of ties come.
    predicted = torch.randint(7, (samples,), generator=generator).float()
    time = torch.randint(9, (samples,), generator=generator).float()
    event = (torch.rand(samples, generator=generator) < 0.6).float()
    event[time.argmin()] = 1
    right = pairs_by_hand(predicted, time, event)
    assert float(concordance(predicted, time, event)) == pytest.approx(right, abs=1e-6)
    metric = Concordance()
    for rows in torch.arange(samples).split(5):
        metric.update(predicted[rows], time[rows], event[rows])
    assert float(metric.compute()) == pytest.approx(right, abs=1e-6)


def test_without_a_comparable_pair_there_is_no_concordance() -> None:
    assert concordance(torch.rand(4), torch.rand(4), torch.zeros(4)).isnan()
    assert concordance(torch.rand(1), torch.rand(1), torch.ones(1)).isnan()
    assert Concordance().compute().isnan()


def test_the_task_counts_known_samples_in() -> None:
    task, (output, target) = made(), drawn()
    metrics = task.metrics()
    task.update_metrics(metrics, output, target)
    known = target.isfinite().all(1)
    curves = task.predict(output)[known]
    mean = ((curves[:, 1:] + curves[:, :-1]) / 2 * torch.tensor([0, *ENDS]).diff()).sum(1)
    right = pairs_by_hand(mean, *target[known].unbind(1))
    assert float(metrics.compute()["concordance"]) == pytest.approx(right, abs=1e-6)
    losses = [task.loss(each, target)[0] for each in (output, task.trivial_output(output))]
    assert float(metrics["d2"].compute()) == pytest.approx(float(1 - losses[0] / losses[1]))
    task.update_metrics(metrics, output, torch.full_like(target, torch.nan))


def test_bins_hold_as_many_events_and_the_trivial_predictor_knows_their_shares() -> None:
    target = drawn(400)[1]
    task = Hazard(5)
    task.learn_statistics("death", target)
    time, event = target[target.isfinite().all(1)].unbind(1)
    counts = np.histogram(time[event == 1], bins=task.edges.numpy())[0]
    assert counts.max() - counts.min() <= 5
    trivial = task.predict(task.trivial_output(torch.zeros(1, 5)))[0]
    # Of data with few censored times in a bin it is nearly the estimate of Kaplan and Meier.
    times, shares = kaplan_meier(time, event)
    for end, found in zip(task.edges[1:-1].tolist(), trivial[1:-1].tolist(), strict=True):
        assert found == pytest.approx(float(shares[times <= end + 1e-6][-1]), abs=0.05)


def test_kaplan_and_meiers_example() -> None:
    time = torch.tensor([1.0, 2.0, 2.0, 3.0, 5.0])
    event = torch.tensor([1.0, 1.0, 0.0, 0.0, 1.0])
    times, shares = kaplan_meier(time, event)
    assert times.tolist() == [1, 2, 5]
    assert_close(shares, torch.tensor([0.8, 0.6, 0.0], dtype=torch.float64))


def test_words_columns_and_figure() -> None:
    task, (output, target) = made(), drawn()
    task.unit = " days"
    curves = task.predict(output)
    assert [task.caption(each) for each in target[[1, 2, 5]]] == ["8 days", "2+ days", "?"]
    assert task.caption(curves[0]).endswith(" days")
    rows = task.side_by_side(curves, target)
    assert rows["time (days)"][:2] == [0, 8]
    assert rows["event"][1:3] == ["yes", "no"]
    assert rows["event"][5] is None
    axes = Figure().subplots()
    assert task.draw(axes, curves, target)
    assert len(axes.lines) == 6
    assert not task.draw(axes, curves, target * torch.nan)


@pytest.mark.parametrize(
    ("target", "words"),
    [
        ([[1.0, 0.0]], "no training sample has an event"),
        ([[1.0, 2.0]], "second number of training sample 0 is 2"),
        ([[-1.0, 1.0]], "time of training sample 0 is -1"),
        ([[2.0, 1.0]] * 9, "cannot be divided into 3 bins"),
    ],
)
def test_what_is_no_survival_is_refused(target: list[list[float]], words: str) -> None:
    with pytest.raises(InputError, match=f"'death'.*{words}"):
        Hazard(3).learn_statistics("death", torch.tensor(target))
    with pytest.raises(InputError, match="a hazard needs two floating-point numbers"):
        Hazard(3).check("death", torch.zeros(3), "training")
    for bins in (1, [2.0, 1.0], [0.0, 1.0]):
        with pytest.raises(InputError, match="bins is"):
            Hazard(bins)
