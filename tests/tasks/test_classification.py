"""Classification: the loss, the statistics, the trivial predictor, the figure, bad input."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import pytest
import torch
from matplotlib.figure import Figure
from torch import Tensor, nn
from torch.testing import assert_close

from multitask.errors import InputError
from multitask.tasks import Classification
from multitask.training.mean_losses import mean_where_labelled

CLASSES = 4
WEIGHTS = [0.5, 1.0, 2.0, 4.0]


def batch(size: int = 40) -> tuple[Tensor, Tensor]:
    """Raw outputs that need a gradient, and targets of which a third is missing."""
    generator = torch.Generator().manual_seed(0)
    output = 3 * torch.randn(size, CLASSES, generator=generator)
    target = torch.randint(CLASSES, (size,), generator=generator)
    target[::3] = -100
    return output.requires_grad_(), target


@pytest.mark.parametrize("smoothing", [0.0, 0.1])
@pytest.mark.parametrize("weights", [None, WEIGHTS])
def test_loss_and_gradient_are_torchs(smoothing: float, weights: list[float] | None) -> None:
    task = Classification(CLASSES, label_smoothing=smoothing, class_weights=weights)
    output, target = batch()
    total, count = task.loss(output, target)
    factors = None if weights is None else torch.tensor(weights)
    expected = nn.CrossEntropyLoss(factors, label_smoothing=smoothing)(output, target)
    assert_close(total / count, expected)
    (gradient,) = torch.autograd.grad(total / count, output)
    assert_close(gradient, torch.autograd.grad(expected, output)[0])


def test_loss_counts_the_known_labels() -> None:
    output, target = batch()
    assert Classification(CLASSES).loss(output, target)[1] == (target >= 0).sum()


def test_batches_can_be_joined_before_or_after_the_sum() -> None:
    task = Classification(CLASSES, class_weights=WEIGHTS)
    output, target = batch()
    parts = [task.loss(output[rows], target[rows]) for rows in torch.arange(40).split([3, 17, 20])]
    for place, whole in enumerate(task.loss(output, target)):
        assert_close(sum(part[place] for part in parts), whole)


def test_batch_without_a_label_has_no_loss_and_no_gradient() -> None:
    output, target = batch()
    totals = torch.stack(Classification(CLASSES).loss(output, torch.full_like(target, -100)))
    loss = mean_where_labelled(totals.unsqueeze(1)).sum()
    loss.backward()
    assert loss == 0
    assert output.grad is not None
    assert torch.equal(output.grad, torch.zeros_like(output))


def test_loss_keeps_the_dtype_of_the_output() -> None:
    output, target = batch()
    total, count = Classification(CLASSES).loss(output.bfloat16(), target)
    assert total.dtype == count.dtype == torch.bfloat16


class SquaredProbability(nn.Module):
    """One loss a sample, without torch's ``reduction``."""

    def forward(self, output: Tensor, target: Tensor) -> Tensor:
        return (1 - output.softmax(1).gather(1, target[:, None])[:, 0]).square()


def test_own_loss_takes_the_place_of_the_cross_entropy() -> None:
    output, target = batch()
    known = target >= 0
    total, count = Classification(CLASSES, loss=SquaredProbability()).loss(output, target)
    assert_close(total / count, SquaredProbability()(output[known], target[known]).mean())


def test_torch_loss_that_averages_is_made_to_give_a_loss_for_each_sample() -> None:
    output, target = batch()
    total, count = Classification(CLASSES, loss=nn.MultiMarginLoss()).loss(output, target)
    known = target >= 0
    assert_close(total / count, nn.MultiMarginLoss()(output[known], target[known]))


class MeanCrossEntropy(nn.Module):
    """A mean that torch's ``reduction`` cannot undo."""

    def forward(self, output: Tensor, target: Tensor) -> Tensor:
        return nn.functional.cross_entropy(output, target)


def test_own_loss_that_averages_is_refused() -> None:
    sentence = r"loss MeanCrossEntropy returned shape \[\], .* shape \[batch\], here \[40\]"
    with pytest.raises(InputError, match=sentence):
        Classification(CLASSES, loss=MeanCrossEntropy()).loss(*batch())


def test_prediction_is_the_probabilities_in_single_precision() -> None:
    output, _ = batch()
    predicted = Classification(CLASSES).predict(output.bfloat16())
    assert predicted.dtype == torch.float32
    assert_close(predicted, output.softmax(1), atol=0.02, rtol=0)


def test_trivial_predictor_gives_the_class_frequencies() -> None:
    task = Classification(CLASSES)
    train = torch.tensor([0] * 1 + [1] * 6 + [2] * 3 + [-100] * 5)
    task.learn_statistics("digit", train)
    assert_close(task.class_frequencies, torch.tensor([0.1, 0.6, 0.3, 0.0]))
    output = task.trivial_output(torch.zeros(3, CLASSES, dtype=torch.bfloat16))
    assert output.dtype == torch.bfloat16
    assert_close(task.predict(output), task.class_frequencies.expand(3, -1), atol=0.01, rtol=0)


def test_trivial_predictors_accuracy_is_the_majority_class_share() -> None:
    task = Classification(CLASSES)
    task.learn_statistics("digit", torch.tensor([1, 1, 1, 2, 0, -100, -100]))
    test = torch.tensor([1, 2, 3, 1, -100, 0, 1, 2])
    metrics = task.metrics()
    task.update_metrics(metrics, task.trivial_output(torch.zeros(8, CLASSES)), test)
    assert_close(metrics["accuracy"].compute(), torch.tensor(3 / 7))


def test_statistics_travel_with_the_weights() -> None:
    task, other = Classification(3), Classification(3)
    task.learn_statistics("digit", torch.tensor([0, 0, 0, 1]))
    other.load_state_dict(task.state_dict())
    assert_close(other.class_frequencies, torch.tensor([0.75, 0.25, 0.0]))


@pytest.mark.parametrize(
    ("targets", "sentences"),
    [
        ([0, 9, -100], ["task 'digit'", "class 9", "num_classes is 4", "set num_classes to 10"]),
        ([0, 4], ["class 4", "set num_classes to 5"]),
        ([0.0, 1.0], ["task 'digit'", "torch.float32", "Regression"]),
        ([-100, -100], ["task 'digit'", "no training sample has a label"]),
    ],
)
def test_targets_that_do_not_fit_are_refused(targets: list[Any], sentences: list[str]) -> None:
    with pytest.raises(InputError) as error:
        Classification(CLASSES).learn_statistics("digit", torch.tensor(targets))
    assert [each for each in sentences if each not in str(error.value)] == []


def test_negative_label_is_not_blamed_on_the_number_of_classes() -> None:
    with pytest.raises(InputError, match="class -1") as error:
        Classification(3).learn_statistics("digit", torch.tensor([-1, 0, 1, 2]))
    assert "set num_classes" not in str(error.value)


@pytest.mark.parametrize("dtype", [torch.int32, torch.uint8, torch.bool])
def test_class_numbers_that_are_not_int64_are_refused(dtype: torch.dtype) -> None:
    with pytest.raises(InputError, match="int64"):
        Classification(CLASSES).learn_statistics("digit", torch.tensor([0, 1], dtype=dtype))


@pytest.mark.parametrize(
    ("build", "sentence"),
    [
        (lambda: Classification(1), "num_classes is 1"),
        (lambda: Classification(3, classes=["a", "b"]), "has 2 entries, but num_classes is 3"),
        (lambda: Classification(3, class_weights=[1.0]), "class_weights has 1 entries"),
        *(
            (lambda each=each: Classification(2, class_weights=each), "class_weights are")
            for each in ([1.0, -1.0], [0.0, 0.0], [1.0, float("nan")], [1.0, float("inf")])
        ),
        (lambda: Classification(3, label_smoothing=-0.1), "label_smoothing is -0.1"),
        (lambda: Classification(3, label_smoothing=1.5), "label_smoothing is 1.5"),
        (
            lambda: Classification(3, label_smoothing=0.1, loss=nn.CrossEntropyLoss()),
            "label_smoothing is 0.1.* remove one of them",
        ),
        (
            lambda: Classification(2, loss=nn.CrossEntropyLoss(weight=torch.ones(2))),
            "loss CrossEntropyLoss has its own weight.* class_weights",
        ),
        (lambda: Classification(3, weight=-0.1), "weight is -0.1"),
    ],
)
def test_bad_arguments_are_refused(build: Callable[[], Any], sentence: str) -> None:
    with pytest.raises(InputError, match=sentence):
        build()


PROBABILITIES = torch.tensor([[0.2, 0.7, 0.1], [0.5, 0.2, 0.3]])


def test_table_has_the_most_probable_class_and_all_probabilities() -> None:
    columns: Any = Classification(3).columns("digit", PROBABILITIES)
    each = [f"digit.probability.{number}" for number in range(3)]
    assert list(columns) == ["digit", "digit.probability", *each]
    assert columns["digit"].tolist() == [1, 0]
    assert_close(columns["digit.probability"], torch.tensor([0.7, 0.5]))
    assert_close(torch.stack([columns[name] for name in each], 1), PROBABILITIES)


def test_columns_have_the_names_of_classes() -> None:
    columns = Classification(3, ["cat", "a.b", ""]).columns("kind", PROBABILITIES)
    assert columns["kind"] == ["a.b", "cat"]
    assert list(columns)[2:] == [f"kind.probability.{name}" for name in ("cat", "a.b", "")]


def test_classes_of_one_name_have_columns_of_their_own() -> None:
    columns = Classification(3, ["cat", "cat", "dog"]).columns("kind", PROBABILITIES)
    assert columns["kind"] == ["cat", "cat"]
    assert list(columns)[2:] == [f"kind.probability.{number}" for number in range(3)]


@pytest.mark.parametrize(
    ("value", "caption"), [([0.1, 0.9], "dog"), (0, "cat"), (1, "dog"), (-100, "?")]
)
def test_caption_is_the_class_name(value: Any, caption: str) -> None:
    assert Classification(2, classes=["cat", "dog"]).caption(torch.tensor(value)) == caption


def confusion(classes: Sequence[str] | None, number: int) -> Any:
    task = Classification(number, classes=classes)
    predicted = torch.eye(number)[torch.tensor([0, 1, 1, 1, 2, 0])]
    axes = Figure().subplots()
    task.draw(axes, predicted, torch.tensor([0, 0, 0, 1, 2, -100]))
    return axes


def test_figure_is_the_confusion_matrix_of_the_known_samples() -> None:
    axes = confusion(["cat", "dog", "cow"], 3)
    shares = torch.tensor(axes.images[0].get_array())
    assert_close(shares.float(), torch.tensor([[1 / 3, 2 / 3, 0], [0, 1, 0], [0, 0, 1]]))
    written = {(text.get_position(), text.get_text()) for text in axes.texts}
    assert written == {((0, 0), "1"), ((1, 0), "2"), ((1, 1), "1"), ((2, 2), "1")}
    for labels in (axes.get_xticklabels(), axes.get_yticklabels()):
        assert [label.get_text() for label in labels] == ["cat", "dog", "cow"]
    assert (axes.get_xlabel(), axes.get_ylabel()) == ("predicted class", "true class")


def test_figure_of_many_classes_writes_no_numbers() -> None:
    assert not confusion(None, 21).texts
