"""Classes in an order, against scikit-learn, scipy and the paper's own way to count questions."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from sklearn.metrics import cohen_kappa_score, log_loss
from torch import Tensor
from torch.nn.functional import binary_cross_entropy_with_logits as bce
from torch.testing import assert_close

from multitask.errors import InputError
from multitask.tasks import Ordinal
from multitask.tasks.predictions import predicted

CLASSES = 5


def drawn(samples: int = 60) -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(0)
    output = 2 * torch.randn(samples, CLASSES - 1, generator=generator)
    target = torch.randint(CLASSES, (samples,), generator=generator)
    target[::4] = -100
    return output.double(), target


def made(**options: object) -> Ordinal:
    task = Ordinal(CLASSES, **options)  # type: ignore[arg-type]
    task.learn_statistics("size", drawn()[1])
    return task.double()


def test_the_loss_is_the_papers_sum_over_the_questions_that_a_class_answers() -> None:
    output, target = drawn()
    output.requires_grad_()
    right = torch.zeros((), dtype=torch.float64)
    for k in range(CLASSES - 1):
        # Question k is asked of those that are not below class k.
        asked = target >= k
        above = (target[asked] > k).double()
        right = right + bce(output[asked, k], above, reduction="sum")
    loss, count = made().loss(output, target)
    assert count == (target >= 0).sum()
    assert_close(loss, right)
    both = [torch.autograd.grad(each, output)[0] for each in (loss, right)]
    assert_close(*both)
    assert (both[0][::4] == 0).all()
    assert_close(made().sample_loss(output, target)[0].sum(), right)


def test_classes_weigh_as_they_do_in_a_classification() -> None:
    output, target = drawn()
    weights = [1.0, 2.0, 0.5, 3.0, 1.5]
    loss, count = made(class_weights=weights).loss(output, target)
    known = target >= 0
    factors = torch.tensor(weights, dtype=torch.float64)[target[known]]
    each = made().sample_loss(output, target)[0][known]
    assert_close(loss, (factors * each).sum())
    assert_close(count, factors.sum())


def test_probabilities_fall_with_the_class_and_metrics_are_scikit_learns() -> None:
    output, target = drawn()
    task, known = made(), target >= 0
    probability = task.predict(output)
    above = 1 - probability.cumsum(1)[:, :-1]
    assert_close(above, output.sigmoid().float().cumprod(1))
    assert (above.diff(dim=1) <= 1e-6).all()
    median = (above > 0.5).sum(1)[known].numpy()
    true = target[known].numpy()
    metrics = task.metrics()
    for rows in torch.arange(len(target)).split(7):
        task.update_metrics(metrics, output[rows], target[rows])
    found = {str(name): float(each) for name, each in metrics.compute().items()}
    assert found["kappa"] == pytest.approx(
        cohen_kappa_score(true, median, weights="quadratic", labels=range(CLASSES)), abs=1e-6
    )
    assert found["mae"] == pytest.approx(np.abs(median - true).mean(), abs=1e-6)
    assert found["accuracy"] == pytest.approx(
        (probability.argmax(1)[known] == target[known]).float().mean()
    )
    assert found["nll"] == pytest.approx(
        log_loss(true, probability[known].double().numpy(), labels=range(CLASSES)), abs=1e-6
    )
    assert_close(
        predicted({"size": task}, {"size": output})["size.entropy"],
        torch.special.entr(probability).sum(1),
    )


def test_kappa_of_one_class_is_unknown() -> None:
    task = made()
    metrics = task.metrics()
    task.update_metrics(metrics, torch.full((9, CLASSES - 1), -9.0), torch.zeros(9).long())
    assert metrics["kappa"].compute().isnan()
    assert metrics["mae"].compute() == 0


def test_raw_outputs_are_those_of_the_probabilities() -> None:
    task, (output, target) = made(), drawn()
    assert_close(task.raw_outputs(task.logits(output)), output)
    frequency = torch.bincount(target[target >= 0], minlength=CLASSES) / (target >= 0).sum()
    assert_close(task.predict(task.trivial_output(output)), frequency.expand(len(output), -1))
    task.take_calibration({"temperature": 3.0})
    assert_close(task.predict(task.trivial_output(output)), frequency.expand(len(output), -1))
    sharp = task.logits(output).div(3).softmax(1).float()
    assert_close(task.predict(output), sharp)


def test_two_classes_are_a_classification_of_one_question() -> None:
    output, target = torch.randn(9, 1), torch.arange(9) % 2
    loss, _ = Ordinal(2).loss(output, target)
    assert_close(loss, bce(output[:, 0], target.float(), reduction="sum"))


def test_one_class_has_no_order() -> None:
    with pytest.raises(InputError, match="num_classes is 1"):
        Ordinal(1)
