"""Several labels at once."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from matplotlib.figure import Figure
from scipy.optimize import minimize_scalar
from scipy.stats import entropy
from sklearn.metrics import average_precision_score, f1_score, roc_auc_score
from torch import Tensor
from torch.distributions import Bernoulli, kl_divergence
from torch.nn.functional import binary_cross_entropy_with_logits
from torch.testing import assert_close

from multitask.after.evaluating.sample_states import SampleStates
from multitask.after.serving.answers import answers
from multitask.errors import InputError
from multitask.tasks import MultiLabel
from multitask.tasks.predictions import predicted, task_columns

NAMES = ["cat", "dog", "young", "wild", "never", "always"]


def samples(seed: int = 0, size: int = 60, missing: float = 0.3) -> tuple[Tensor, Tensor]:
    """Outputs of which some are equal, and labels of which the last two are constant."""
    generator = torch.Generator().manual_seed(seed)
    target = torch.randint(2, (size, 6), generator=generator)
    target[:, 4:] = torch.tensor([0, 1])
    output = torch.randint(-4, 5, (size, 6), generator=generator) + 1.5 * target
    target[torch.rand(size, 6, generator=generator) < missing] = -100
    return output.float(), target


def learnt(**settings: Any) -> MultiLabel:
    task = MultiLabel(NAMES, **settings)
    task.learn_statistics("kinds", samples(9)[1])
    return task


@pytest.mark.parametrize("weights", [None, [1.0, 2.0, 0.0, 0.5, 3.0, 1.0]])
def test_the_loss_is_the_mean_over_known_labels(weights: list[float] | None) -> None:
    output, target = samples()
    task, known = MultiLabel(NAMES, weights), target >= 0
    total, count = task.loss(output.requires_grad_(), target)
    assert count == known.sum()
    factors = None if weights is None else torch.tensor(weights).expand(60, 6)[known]
    right = binary_cross_entropy_with_logits(
        output[known], target[known].float(), pos_weight=factors
    )
    assert_close(total / count, right)
    assert_close(torch.stack(task.sample_loss(output, target)).sum(1), torch.stack([total, count]))
    total, count = task.loss(output, torch.full_like(target, -100))
    total.backward()
    assert (total.item(), count.item(), output.grad.any()) == (0, 0, False)  # type: ignore[union-attr]


def test_balanced_weights_make_both_answers_count_the_same() -> None:
    target = samples(9)[1]
    with_it, without = ((target == value).sum(0) for value in (1, 0))
    found = learnt(positive_weights="balanced").positive_weights
    assert_close((found * with_it)[:4], without[:4].float())
    assert found.isfinite().all()
    assert (found > 0).all()


def test_metrics_are_those_of_the_whole_split() -> None:
    task, batches = learnt(), [samples(seed) for seed in range(3)]
    metrics = task.metrics()
    for output, target in batches:
        task.update_metrics(metrics, output, target)
    output, target = (torch.cat(each) for each in zip(*batches, strict=True))
    known, chosen = target >= 0, output >= 0
    # The last two labels are constant in the split.
    each = [(output[known[:, at], at], target[known[:, at], at]) for at in range(4)]
    labelled = known.any(1)
    right = ((chosen == (target == 1)) | ~known).all(1)[labelled].float().mean()
    wanted = {
        "average_precision": np.mean([average_precision_score(y, z) for z, y in each]),
        "auroc": np.mean([roc_auc_score(y, z) for z, y in each]),
        "f1": np.mean([f1_score(y, z >= 0) for z, y in each]),
        "exact_match": float(right),
    }
    assert {name: float(value) for name, value in metrics.compute().items()} == pytest.approx(
        wanted, abs=1e-6
    )
    # And so are those of which an interval is made.
    states = SampleStates(task)
    for batch in batches:
        states.update(*batch)
    found = states.values(np.asarray(states.rows().sum(0)).ravel())
    assert {name: found[name] for name in wanted} == pytest.approx(wanted, abs=1e-6)
    metrics.reset()
    task.update_metrics(metrics, output, target.clamp_max(0))
    nothing = {name for name, value in metrics.compute().items() if value.isnan()}
    assert nothing == {"average_precision", "auroc", "f1"}


def test_bins_tell_small_probabilities_apart() -> None:
    generator = torch.Generator().manual_seed(0)
    target = (torch.rand(5000, 1, generator=generator) < 0.01).long()
    output = torch.randn(5000, 1, generator=generator) + 2.0 * target - 7
    task = MultiLabel(["rare"])
    metrics = task.metrics()
    task.update_metrics(metrics, output, target)
    found = metrics.compute()
    scores = target[:, 0].numpy(), output[:, 0].numpy()
    assert float(found["average_precision"]) == pytest.approx(
        average_precision_score(*scores), abs=1e-2
    )
    assert float(found["auroc"]) == pytest.approx(roc_auc_score(*scores), abs=1e-3)


def test_the_trivial_predictor_says_how_frequent_labels_are() -> None:
    task, (output, _), target = learnt(), samples(), samples(9)[1]
    share = [float((target[:, at] == 1).sum() / (target[:, at] >= 0).sum()) for at in range(6)]
    task.take_calibration({"temperature": 2.0})
    assert_close(
        task.predict(task.trivial_output(output)), torch.tensor(share).expand(60, 6), atol=2e-6,
        rtol=0,
    )  # fmt: skip
    assert MultiLabel(["a"]).frequencies == 0.5


def test_a_calibration_divides_logits() -> None:
    task, (output, target) = learnt(), samples(4, 400)
    output = output[:, :4] * 3
    target = target[:, :4]
    task, known = MultiLabel(NAMES[:4]), target >= 0
    told = task.fit_calibration(output, target, 0.9)
    goal = target[known].double()

    def cost(t: float) -> float:
        return float(binary_cross_entropy_with_logits(output[known].double() / t, goal))

    best = minimize_scalar(cost, bounds=(0.1, 50), method="bounded", options={"xatol": 1e-9})
    assert told is not None
    assert told["temperature"] == pytest.approx(best.x, rel=1e-5)
    task.take_calibration(told)
    assert_close(task.predict(output), (output / best.x).sigmoid(), rtol=1e-4, atol=1e-5)
    prediction, answer = task.answers(task.predict(output), target)
    assert_close(
        prediction.gather(1, answer[:, None]).log().mean(), -torch.tensor(best.fun).float()
    )


def test_pools_distances_and_uncertainty_are_of_independent_labels() -> None:
    task = learnt()
    members = [samples(seed, 5)[0] for seed in range(3)]
    pool = task.pool()
    assert pool is not None
    for each in members:
        pool.add(task, each)
    mean = torch.stack([each.sigmoid() for each in members]).mean(0)
    assert_close(task.predict(pool.output()), mean)
    whole, apart = (
        entropy(torch.stack([each, 1 - each]).numpy()).sum(-1)
        for each in (mean, torch.stack([each.sigmoid() for each in members]))
    )
    (found,) = pool.disagreement().values()
    assert_close(found.numpy(), whole - apart.mean(0), rtol=1e-4, atol=1e-5, check_dtype=False)
    (found,) = task.uncertainty(members[0]).values()
    assert_close(found.numpy(), apart[0], check_dtype=False)
    now, before = (Bernoulli(logits=each / 2) for each in members[:2])
    distance = task.distance(members[0], members[1], 2.0)
    assert distance is not None
    assert_close(distance, 4 * kl_divergence(before, now).mean(1))
    assert task.uncertainty(torch.full((1, 6), 200.0))["entropy"] == 0


def test_labels_are_named_wherever_people_read_them() -> None:
    task = MultiLabel(["cat", "wild", "entropy"])
    output = torch.tensor([[2.0, 1.0, -1.0], [-1.0, -1.0, -1.0]])
    target = torch.tensor([[1, 1, 0], [0, -100, 0]])
    assert task.side_by_side(task.predict(output), target) == {
        "target": ["cat, wild", "?"],
        "prediction": ["cat, wild", "none"],
    }
    assert task.caption(torch.tensor([1, -100, 0])) == "cat, ?"
    entries = predicted({"kinds": task}, {"kinds": output})
    columns = task_columns("kinds", task, entries)
    assert list(columns) == [
        *("kinds.cat", "kinds.wild", "kinds.entropy", "kinds.uncertainty.entropy")
    ]
    assert_close(columns["kinds.wild"], output[:, 1].sigmoid())
    told = task.target_columns("kinds", target)["kinds.wild.target"]
    assert_close(told, torch.tensor([1.0, torch.nan]), equal_nan=True)
    said = answers(
        {"tasks": {"kinds": {"elements": NAMES[:3]}}}, {"kinds": entries["kinds"].numpy()}
    )
    assert list(said["kinds"]["value"]) == NAMES[:3]
    assert_close(task.missing_target(output), torch.full((2, 3), -100))


def test_the_worst_labels_are_drawn() -> None:
    names = [f"label {place}" for place in range(40)]
    generator = torch.Generator().manual_seed(0)
    target = torch.randint(2, (50, 40), generator=generator)
    target[:, 0] = 1
    prediction = torch.rand(50, 40, generator=generator)
    # All right, so that they are not among the worst.
    prediction[:, 30:] = target[:, 30:].float()
    axes = Figure().subplots()
    assert MultiLabel(names).draw(axes, prediction, target)
    shown = [each.get_text() for each in axes.get_yticklabels()]
    assert len(shown) == 30
    assert {*names[1:30]} <= {*shown}
    assert {"label 0", "label 39"} & {*shown} == set()
    assert "the 30 worst of 40 labels" in axes.get_xlabel()


@pytest.mark.parametrize(
    ("targets", "reason"),
    [
        (torch.zeros(4, 2), "are torch.float32; a multi-label task needs 0 or 1 (int64)"),
        (torch.zeros(4, dtype=torch.int64), "have shape (4,)"),
        (torch.zeros(4, 3, dtype=torch.int64), "have 3 labels, but the task has 2"),
        (torch.full((4, 2), 2), "include 2"),
        (torch.full((4, 2), -1), "include -1"),
        (torch.full((4, 2), -100), "no training sample has a label"),
    ],
)
def test_other_targets_are_refused(targets: Tensor, reason: str) -> None:
    with pytest.raises(InputError) as error:
        MultiLabel(["a", "b"]).learn_statistics("kinds", targets)
    assert reason in str(error.value)


@pytest.mark.parametrize(
    ("settings", "reason"),
    [
        ({"labels": []}, "labels is empty"),
        ({"labels": ["a", ""]}, "has an empty name"),
        ({"labels": ["a", "b", "a"]}, "lists 'a' more than once"),
        ({"labels": ["a"], "positive_weights": [1.0, 2.0]}, "has 2 entries; give balanced, or a"),
        ({"labels": ["a"], "positive_weights": "even"}, "positive_weights is 'even'"),
        ({"labels": ["a"], "positive_weights": [-1.0]}, "they must be finite and 0 or more"),
    ],
)
def test_other_settings_are_refused(settings: dict[str, Any], reason: str) -> None:
    with pytest.raises(InputError) as error:
        MultiLabel(**settings)
    assert reason in str(error.value)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_half_precision_gives_finite_gradients(dtype: torch.dtype) -> None:
    output, target = samples(size=4)
    output = (1000 * output).to(dtype).requires_grad_()
    total, _ = learnt(positive_weights="balanced").loss(output, target)
    total.backward()
    assert output.grad is not None
    assert output.grad.isfinite().all()
    assert total.isfinite()
