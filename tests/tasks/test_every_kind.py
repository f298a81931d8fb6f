"""What holds for every kind of task: parts add up, nothing is NaN, statistics are kept."""

from __future__ import annotations

import copy
from collections.abc import Callable, Sequence
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.testing import assert_close
from torchmetrics import Metric
from torchmetrics.utilities import dim_zero_cat

from multitask.errors import InputError
from multitask.tasks import (
    Angle,
    Box,
    Classification,
    Count,
    DenseRegression,
    Depth,
    Detection,
    Edges,
    GaussianRegression,
    Hazard,
    HeatMaps,
    Keypoints,
    MaskedTokens,
    MultiLabel,
    NegativeBinomial,
    Normals,
    Ordinal,
    QuantileRegression,
    Reconstruction,
    Regression,
    Segmentation,
    Task,
    TokenLabels,
    ToyObjective,
)

pytestmark = pytest.mark.filterwarnings("ignore:.*compute.*before.*update.*")

SAMPLES, SIDE = 8, 12
Draw = Callable[[torch.Generator], Tensor]


def _normal(*shape: int) -> Draw:
    return lambda generator: torch.randn(SAMPLES, *shape, generator=generator)


def _whole(many: int, *shape: int) -> Draw:
    return lambda generator: torch.randint(many, (SAMPLES, *shape), generator=generator)


def _box(generator: torch.Generator) -> Tensor:
    low = torch.rand(SAMPLES, 2, generator=generator) * 5
    return torch.cat([low, low + 1 + 5 * torch.rand(SAMPLES, 2, generator=generator)], 1)


def _boxes(generator: torch.Generator) -> Tensor:
    found = torch.stack([torch.cat([torch.zeros(SAMPLES, 1), _box(generator)], 1)] * 2, 1)
    found[::3, 1] = torch.tensor([-1.0, 0, 0, 0, 0])
    found[1] = torch.tensor([-1.0, 0, 0, 0, 0])
    found[::2, 0, 0] = 1
    return found


def _points(generator: torch.Generator) -> Tensor:
    return torch.rand(SAMPLES, 6, generator=generator) * SIDE


def _times(generator: torch.Generator) -> Tensor:
    time = torch.rand(SAMPLES, generator=generator) * 10
    return torch.stack([time, (torch.arange(SAMPLES) % 4 != 3).float()], 1)


def _counts(generator: torch.Generator) -> Tensor:
    return torch.poisson(torch.full((SAMPLES, 2), 3.0), generator=generator)


def _map(channels: int, draw: Callable[..., Tensor] = torch.randn) -> Draw:
    return lambda generator: draw(SAMPLES, channels, SIDE, SIDE, generator=generator)


def _depth(generator: torch.Generator) -> Tensor:
    return torch.rand(SAMPLES, SIDE, SIDE, generator=generator) + 0.5


MAP = SIDE, SIDE
KINDS: dict[str, tuple[Callable[[], Task], tuple[int, ...], Draw]] = {
    "angle": (lambda: Angle(), (2,), lambda g: torch.rand(SAMPLES, generator=g) * 360),
    "axis": (lambda: Angle(180), (2,), lambda g: torch.randn(SAMPLES, 1, generator=g) * 99),
    "box": (Box, (4,), _box),
    "classification": (lambda: Classification(3, class_weights="balanced"), (3,), _whole(3)),
    "count": (lambda: Count(2), (2,), _counts),
    "count in units": (lambda: Count(2, standardise=False), (2,), _counts),
    "dense": (lambda: DenseRegression(2), (2, *MAP), _map(2)),
    "depth": (lambda: Depth(), (1, *MAP), _depth),
    "log depth": (lambda: Depth(log=True), (1, *MAP), _depth),
    "invariant": (lambda: Depth(log=True, scale_invariant=0.5), (1, *MAP), _depth),
    "detection": (lambda: Detection(["a", "b"], stride=2), (6, 6, 6), _boxes),
    "edges": (lambda: Edges(), (1, *MAP), _whole(2, *MAP)),
    "gaussian": (lambda: GaussianRegression(2), (4,), _normal(2)),
    "hazard": (lambda: Hazard(3), (3,), _times),
    "hazard in double": (lambda: Hazard(3), (3,), lambda g: _times(g).double()),
    "hazard of ends": (lambda: Hazard([1.0, 2.0, 30.0]), (3,), _times),
    "heat maps": (lambda: HeatMaps(3), (3, *MAP), _points),
    "keypoints": (lambda: Keypoints(3, sigmas=[0.1] * 3), (6,), _points),
    "labels": (lambda: MultiLabel("abc", positive_weights="balanced"), (3,), _whole(2, 3)),
    "masked tokens": (lambda: MaskedTokens(4), (4, 9), _whole(99, 9)),
    "negative binomial": (lambda: NegativeBinomial(2), (4,), _counts),
    "normals": (lambda: Normals(), (3, *MAP), _map(3)),
    "ordinal": (lambda: Ordinal(4, class_weights="balanced"), (3,), _whole(4)),
    "quantiles": (lambda: QuantileRegression(2), (6,), _normal(2)),
    "reconstruction": (lambda: Reconstruction(), (3, *MAP), _map(3, torch.rand)),
    "regression": (lambda: Regression(2), (2,), _normal(2)),
    "common scale": (lambda: Regression(2, scale="common"), (2,), _normal(2)),
    "segmentation": (
        lambda: Segmentation(3, class_weights="balanced"),
        (3, *MAP),
        _whole(3, *MAP),
    ),
    "token labels": (
        lambda: TokenLabels(["O", "B-x", "I-x"], class_weights="balanced"),
        (3, 9),
        _whole(3, 9),
    ),
    "toy": (ToyObjective, (2,), _normal()),
}
EVERY = pytest.mark.parametrize("kind", KINDS)


def drawn(kind: str) -> tuple[Task, Tensor, Tensor]:
    """A task with statistics, raw outputs, and targets of which some are missing."""
    make, shape, draw = KINDS[kind]
    generator = torch.Generator().manual_seed(0)
    target = draw(generator)
    mark = torch.nan if target.is_floating_point() else -100
    target[2] = target[-1] = mark
    if target.ndim > 1 and kind not in ("detection", "axis"):
        target[0].flatten()[::2] = mark
    torch.manual_seed(0)
    task = make()
    task.learn_statistics("it", target)
    return task, torch.randn(SAMPLES, *shape, generator=generator), target


def counted(task: Task, output: Tensor, target: Tensor) -> dict[str, Metric]:
    metrics = task.metrics()
    if len(target):
        task.update_metrics(metrics, output, target)
    return {str(name): each for name, each in metrics.items()}


def merged(parts: Sequence[Metric]) -> Tensor:
    """What processes with these parts of the samples compute together."""
    found: Any = copy.deepcopy(parts[0])
    for name, reduction in found._reductions.items():
        states = [getattr(each, name) for each in parts]
        if reduction is dim_zero_cat:
            # That of a process without a sample has the metric's own type, which the others' need.
            assert all(each.dtype == found.dtype for state in states for each in state)
            setattr(found, name, [each for state in states for each in state])
        else:
            setattr(found, name, reduction(torch.stack(states)))
    found._update_count = sum(each._update_count for each in parts)
    found._computed = None
    return found.compute()


def finite(values: Tensor) -> bool:
    return bool(values.isfinite().all())


@EVERY
def test_losses_and_metrics_of_parts_add_up(kind: str) -> None:
    task, output, target = drawn(kind)
    whole = counted(task, output, target)
    sums = torch.stack(task.loss(output, target))
    assert finite(sums)
    each = torch.stack(task.sample_loss(output, target))
    assert each.shape == (2, SAMPLES)
    assert_close(each.sum(1), sums)
    # The last part has no label.
    for cuts in ([4, 4], [7, 1], [0, 8]):
        parts = list(zip(output.split(cuts), target.split(cuts), strict=True))
        found = [task.loss(*part) for part in parts if len(part[1])]
        assert_close(torch.stack([torch.stack(one) for one in found]).sum(0), sums)
        collections = [counted(task, *part) for part in parts]
        for name, metric in whole.items():
            value = merged([one[name] for one in collections])
            assert_close({name: value}, {name: metric.compute()}, equal_nan=True)
    assert all(finite(metric.compute()) for metric in whole.values())


@EVERY
def test_a_batch_without_a_label_teaches_nothing(kind: str) -> None:
    task, output, target = drawn(kind)
    nothing = torch.full_like(target, torch.nan if target.is_floating_point() else -100)
    output.requires_grad_()
    total, count = task.loss(output, nothing)
    assert (total.item(), count.item()) == (0, 0)
    assert not torch.autograd.grad(total, output)[0].any()
    assert not task.known(nothing).any()
    metrics = task.metrics()
    task.update_metrics(metrics, output.detach(), nothing)
    for name, metric in metrics.items():
        # That of torchmetrics says 0.
        assert metric.compute().isnan() or name in ("accuracy", "f1")


@EVERY
@pytest.mark.parametrize("size", [0.0, 1.0, 1e4, -1e4])
def test_gradients_are_finite_whatever_the_head_returns(kind: str, size: float) -> None:
    task, output, target = drawn(kind)
    signs = output.sign() if size > 0 else torch.ones_like(output)
    for values in (signs * size, output * size, output.half().float() * size):
        raw = values.detach().requires_grad_()
        total, _ = task.loss(raw, target)
        assert finite(total)
        assert finite(torch.autograd.grad(total, raw)[0])
        if (distance := task.distance(raw, output, 2.0)) is not None:
            assert finite(distance)
            assert (distance > -1e-5).all()
            assert finite(torch.autograd.grad(distance.sum(), raw)[0])
            back = task.distance(output, values, 2.0)
            assert back is not None
            assert finite(back)
        prediction = task.predict(raw.detach())
        assert not prediction.isnan().any()
        assert not any(each.isnan().any() for each in task.uncertainty(raw.detach()).values())


@EVERY
@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_half_precision_is_nearly_full_precision(kind: str, dtype: torch.dtype) -> None:
    task, output, target = drawn(kind)
    output = output.to(dtype).float()
    right = task.loss(output, target)
    with torch.autocast("cpu", dtype):
        assert_close(task.loss(output, target), right, rtol=2e-2, atol=1e-2)
        assert_close(task.predict(output).float(), task.predict(output.float()), atol=1e-2, rtol=0)


@EVERY
def test_statistics_are_in_the_checkpoint(kind: str) -> None:
    task, output, target = drawn(kind)
    other = KINDS[kind][0]()
    other.load_state_dict(task.state_dict())
    assert_close(other.predict(output), task.predict(output))
    assert_close(other.loss(output, target), task.loss(output, target))
    trivial = [each.trivial_output(output) for each in (task, other)]
    if trivial[0] is not None:
        assert trivial[0].shape == output.shape
        assert finite(trivial[0])
        assert_close(trivial[0], trivial[1])


@EVERY
def test_targets_that_are_all_alike_or_of_one_sample(kind: str) -> None:
    make, (_, output, target) = KINDS[kind][0], drawn(kind)
    alone = torch.full_like(target, torch.nan if target.is_floating_point() else -100)
    alone[4] = target[4]
    for few in (target[4:5].expand_as(target).contiguous(), alone):
        task = make()
        try:
            task.learn_statistics("it", few)
        except InputError:
            assert kind.startswith("hazard")
            continue
        raw = output.clone().requires_grad_()
        total, count = task.loss(raw, few)
        assert count > 0
        assert finite(torch.autograd.grad(total / count, raw)[0])
        trivial = task.trivial_output(output)
        for values in (output, trivial):
            if values is not None:
                assert finite(task.loss(values, few)[0])
                assert finite(task.predict(values))
                task.update_metrics(metrics := task.metrics(), values, few)
                assert not any(each.compute().isinf().any() for each in metrics.values())
