"""Depths of pixels."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.testing import assert_close

from multitask.errors import InputError
from multitask.tasks import Depth

NAN = float("nan")


def maps() -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(0)
    target = torch.rand(5, 6, 8, generator=generator) * 9 + 0.5
    target[torch.rand(5, 6, 8, generator=generator) < 0.3] = NAN
    target[2] = NAN
    return torch.randn(5, 1, 6, 8, generator=generator), target


def task(**options: object) -> Depth:
    found = Depth(**options)  # type: ignore[arg-type]
    found.learn_statistics("depth", maps()[1])
    return found


@pytest.mark.parametrize("log", [False, True])
def test_metrics_are_those_of_all_known_pixels(log: bool) -> None:
    depth, (output, target) = task(log=log), maps()
    # A pixel whose predicted depth is negative without the logarithm.
    output[0, 0, 0, 0], target[0, 0, 0] = -20.0, 1.0
    metrics = depth.metrics()
    for rows in (slice(0, 1), slice(1, 3), slice(3, 5)):
        depth.update_metrics(metrics, output[rows], target[rows])
    known = target.isfinite()
    true = target[known].double().numpy()
    found = depth.predict(output)[:, 0][known].double().numpy()
    with np.errstate(divide="ignore"):
        factor = np.where(found > 0, np.maximum(found / true, true / found), np.inf)
    expected = {
        "mae": np.abs(found - true).mean(),
        "rel": (np.abs(found - true) / true).mean(),
        "rmse": np.sqrt(np.square(found - true).mean()),
        "r2": 1 - np.square(found - true).sum() / np.square(true - true.mean()).sum(),
        **{f"delta{k}": (factor < 1.25**k).mean() for k in (1, 2, 3)},
    }
    values = {name: float(each) for name, each in metrics.compute().items()}
    assert values == pytest.approx(expected, rel=1e-6)


def test_the_logarithm_is_learnt_and_undone() -> None:
    depth, (output, target) = task(log=True, loss=nn.MSELoss()), maps()
    logs = target[target.isfinite()].log()
    assert_close(depth.mean, logs.mean()[None])
    assert_close(depth.deviation, logs.std(correction=0)[None])
    known = target.isfinite()
    goal = (target.log() - depth.mean) / depth.deviation
    total, count = depth.loss(output, target)
    assert_close(total, (output[:, 0] - goal)[known].square().sum())
    assert count == known.sum()
    assert_close(depth.predict(goal.unsqueeze(1))[:, 0][known], target[known])
    trivial = depth.predict(depth.trivial_output(output))
    assert_close(trivial, logs.mean().exp().expand_as(trivial))


@pytest.mark.parametrize("share", [0.0, 0.5, 1.0])
def test_the_scale_invariant_loss_is_a_sum_over_images(share: float) -> None:
    depth, (output, target) = task(log=True, scale_invariant=share, scale="none"), maps()
    expected = []
    for guess, true in zip(output[:, 0], target, strict=True):
        known = true.isfinite()
        if known.any():
            error = guess[known] - true[known].log()
            expected.append(error.square().mean() - share * error.mean().square())
    output.requires_grad_()
    total, count = depth.loss(output, target)
    assert_close(total / count, torch.stack(expected).mean())
    assert count == len(expected) == 4
    each, counts = depth.sample_loss(output, target)
    assert_close(torch.stack([each.sum(), counts.sum()]), torch.stack([total, count]))
    assert counts.tolist() == [1, 1, 0, 1, 1]
    total.backward()
    assert output.grad is not None
    assert output.grad.isfinite().all()
    # Twice as far everywhere is no error at all if all of the common error is left out.
    known = target.isfinite()
    scaled = (2 * target).log().unsqueeze(1)
    found = float(depth.loss(torch.where(known.unsqueeze(1), scaled, 0.0), target)[0]) / 4
    assert found == pytest.approx((1 - share) * np.log(2) ** 2, abs=1e-6)


def test_an_ensemble_has_the_mean_logarithm() -> None:
    depth, (output, _) = task(log=True), maps()
    pool = depth.pool()
    assert pool is not None
    for each in (output, output + 1):
        pool.add(depth, each)
    logs = [depth.predict(each).log() for each in (output, output + 1)]
    assert_close(depth.predict(pool.output()).log(), (logs[0] + logs[1]) / 2)
    apart = pool.disagreement()["log_deviation"]
    assert_close(apart, (depth.deviation / 2).expand(5, 1))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"log": True, "scale_invariant": 1.5}, "scale_invariant is 1.5; it must be from 0 to 1"),
        ({"scale_invariant": 0.5}, "set log to true"),
        ({"log": True, "scale_invariant": 0.5, "loss": nn.MSELoss()}, "remove one of them"),
    ],
)
def test_settings_that_do_not_fit(options: dict[str, object], message: str) -> None:
    with pytest.raises(InputError, match=message):
        task(**options)


def test_a_depth_of_0_is_refused() -> None:
    target = maps()[1]
    target[3, 0, 0] = 0.0
    with pytest.raises(InputError, match="training sample 3 has a depth of 0; .* missing"):
        Depth().check("depth", target, "training")
