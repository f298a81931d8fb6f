"""A label for each token of a text."""

from __future__ import annotations

import json

import pytest
import torch
from matplotlib.figure import Figure
from scipy.stats import entropy
from torch import Tensor, nn
from torch.nn.functional import cross_entropy
from torch.testing import assert_close
from torchmetrics.classification import MulticlassF1Score

from multitask.encoders import Maps, Tokens, Vector
from multitask.errors import InputError
from multitask.heads import MLPHead
from multitask.missing_labels import NO_TOKEN, joined_rows
from multitask.tasks import TokenLabels
from multitask.tasks.entity_f1 import EntityF1, are_bio
from multitask.tasks.pooling import ProbabilityPool

LABELS = ["O", "B-per", "I-per", "B-loc", "I-loc"]
LENGTHS = [6, 4, 1, 5]


def texts(seed: int = 0, places: int = 6) -> tuple[Tensor, Tensor]:
    """Raw outputs of texts of different lengths, and targets for more places than any has."""
    generator = torch.Generator().manual_seed(seed)
    target = torch.randint(5, (4, 9), generator=generator)
    target[torch.rand(4, 9, generator=generator) < 0.3] = -100
    target[:, 0] = -100
    output = torch.randn(4, 5, places, generator=generator)
    for place, length in enumerate(LENGTHS):
        output[place, :, length:] = NO_TOKEN
        target[place, length:] = -100
    return output, target


def test_the_loss_is_the_mean_over_known_tokens() -> None:
    output, target = texts()
    total, count = TokenLabels(LABELS).loss(output, target)
    assert count == (target >= 0).sum() > 5
    assert_close(total / count, cross_entropy(output, target[:, :6]))
    sums, counts = TokenLabels(LABELS).sample_loss(output, target)
    assert_close((sums.sum(), counts.sum()), (total, count))
    assert counts[2] == sums[2] == 0


def pooled(task: TokenLabels, output: Tensor) -> ProbabilityPool:
    pool = task.pool()
    assert pool is not None
    pool.add(task, output)
    pool.add(task, output.where(output < -1e4, -output))
    return pool


def test_nothing_depends_on_how_far_a_batch_is_padded() -> None:
    task, (output, target) = TokenLabels(LABELS, class_weights=[1, 2, 3, 1, 1]), texts()
    padded = torch.cat([output, torch.full((4, 5, 2), NO_TOKEN)], 2)
    # A label behind the end of a text, which a batch of longer texts has room for.
    wrong = target.clone()
    wrong[2, 4:] = 1
    found, right = task.metrics(), task.metrics()
    task.update_metrics(found, padded, wrong)
    task.update_metrics(right, output, target)
    assert_close(found.compute(), right.compute())
    assert_close(task.loss(padded, wrong), task.loss(output, target))
    assert_close(task.uncertainty(padded), task.uncertainty(output))
    assert_close(task.distance(padded, padded / 2, 2.0), task.distance(output, output / 2, 2.0))
    assert task.columns("tag", task.predict(padded)) == task.columns("tag", task.predict(output))
    pools = [pooled(task, padded), pooled(task, output)]
    assert_close(*(pool.disagreement() for pool in pools))
    assert_close(task.predict(pools[0].output())[:, :, :6], task.predict(pools[1].output()))


def test_batches_of_different_lengths_are_joined() -> None:
    task, (output, target), (others, their_target) = TokenLabels(LABELS), texts(), texts(1, 8)
    both, targets = joined_rows([output, others]), torch.cat([target, their_target])
    assert both.shape == (8, 5, 8)
    parts = [task.loss(output, target), task.loss(others, their_target)]
    sums = [sum(each) for each in zip(*parts, strict=True)]
    assert_close(list(task.loss(both, targets)), sums)
    one = [task.columns("tag", task.predict(each))["tag"] for each in (output, others)]
    assert task.columns("tag", task.predict(both))["tag"] == [*one[0], *one[1]]
    predicted = joined_rows([task.predict(output), task.predict(others)])
    assert task.columns("tag", predicted)["tag"] == [*one[0], *one[1]]


def test_no_gradient_flows_to_what_is_no_token() -> None:
    head = TokenLabels(LABELS).build_head(Tokens(7))
    values = torch.randn(2, 4, 7, requires_grad=True)
    mask = torch.tensor([[1, 1, 1, 1], [1, 1, 0, 0]]).bool()
    output = head([values, mask])
    assert output.shape == (2, 5, 4)
    total, count = TokenLabels(LABELS).loss(output, torch.ones(2, 6).long())
    assert count == 6
    (gradient,) = torch.autograd.grad(total, values)
    assert torch.equal(gradient.any(2), mask)


def test_a_head_of_ones_own_sees_one_token() -> None:
    head = TokenLabels(LABELS, head=MLPHead).build_head(Tokens(7))
    values, mask = torch.randn(2, 4, 7), torch.ones(2, 4).bool()
    alone = head([values[:, 2:3], mask[:, 2:3]])
    assert_close(head([values, mask])[:, :, 2:3], alone)


@pytest.mark.parametrize("form", [Vector(5), Maps((4,), (2,))])
def test_other_forms_are_refused(form: Vector | Maps) -> None:
    with pytest.raises(InputError, match="needs tokens, but the encoder returns .*TextTransformer"):
        TokenLabels(LABELS).build_head(form)


def test_metrics_are_of_all_tokens_of_the_split() -> None:
    task, f1 = TokenLabels(LABELS), MulticlassF1Score(5, average="macro", ignore_index=-100)
    metrics, right, known = task.metrics(), 0, 0
    for seed in range(3):
        output, target = texts(seed)
        task.update_metrics(metrics, output, target)
        f1.update(output.argmax(1), target[:, :6])
        right += int((output.argmax(1) == target[:, :6]).sum())
        known += int((target >= 0).sum())
    found = metrics.compute()
    assert set(found) == {"f1", "accuracy", "entity_f1"}
    assert_close(found["f1"], f1.compute())
    assert_close(found["accuracy"], torch.tensor(right / known))
    assert task.headline == "entity_f1"
    assert TokenLabels("ab").headline == "f1"
    assert set(TokenLabels("ab").metrics()) == {"f1", "accuracy"}


def numbers(tags: str) -> Tensor:
    return torch.tensor([[-100 if each == "?" else LABELS.index(each) for each in tags.split()]])


@pytest.mark.parametrize(
    ("true", "predicted", "counts"),
    [
        ("B-per I-per O B-loc", "B-per I-per O B-loc", (2, 2, 2)),
        ("B-per I-per O B-loc", "B-per O O B-loc", (1, 2, 2)),
        ("B-per I-per O B-loc", "B-loc I-loc O B-loc", (1, 2, 2)),
        ("B-per B-per", "B-per I-per", (0, 1, 2)),
        ("O I-per I-per I-loc", "O B-per I-per B-loc", (2, 2, 2)),
        ("B-per ? I-per O", "B-per O I-per O", (1, 1, 1)),
        ("O O", "O O", (0, 0, 0)),
        ("B-per I-per", "O O", (0, 0, 1)),
    ],
)
def test_entities_are_right_if_both_ends_and_the_kind_are(
    true: str, predicted: str, counts: tuple[int, int, int]
) -> None:
    metric = EntityF1(LABELS)
    metric.update(numbers(predicted), numbers(true))
    assert (int(metric.right), int(metric.predicted), int(metric.true)) == counts
    right, *others = counts
    expected = 2 * right / sum(others) if sum(others) else float("nan")
    assert_close(metric.compute(), torch.tensor(expected), equal_nan=True)


def test_an_entity_ends_with_its_text() -> None:
    metric = EntityF1(LABELS)
    target = torch.cat([numbers("O B-per"), numbers("I-per O")])
    metric.update(target, target)
    assert int(metric.true) == int(metric.right) == 2


def test_what_marks_entities() -> None:
    assert are_bio(LABELS)
    assert not are_bio(["B-per", "I-per"])
    assert not are_bio(["O", "noun"])
    assert not are_bio(["O"])


def test_the_trivial_predictor_is_the_commonest_label() -> None:
    task, (output, target) = TokenLabels(LABELS), texts()
    target[target == 0] = 3
    task.learn_statistics("tag", target)
    trivial = task.trivial_output(output)
    assert (trivial.argmax(1)[output[:, 0] > NO_TOKEN] == 3).all()
    assert torch.equal(trivial == NO_TOKEN, output == NO_TOKEN)


def test_a_loss_of_ones_own_gets_a_row_for_each_token() -> None:
    class Rows(nn.Module):
        def forward(self, output: Tensor, target: Tensor) -> Tensor:
            assert output.shape == (24, 5)
            return cross_entropy(output, target, reduction="none")

    output, target = texts()
    own, plain = (TokenLabels(LABELS, loss=each).loss(output, target) for each in (Rows(), None))
    assert_close(own, plain)


def test_predictions_are_a_list_of_labels() -> None:
    task, (output, target) = TokenLabels(LABELS), texts()
    prediction = task.predict(output)
    assert_close(prediction.sum(1) > 0, output[:, 0] > NO_TOKEN)
    columns = task.columns("tag", prediction)
    assert list(columns) == task.column_names("tag") == ["tag"]
    found = [json.loads(str(each)) for each in columns["tag"]]
    assert list(map(len, found)) == LENGTHS
    assert found[3] == [LABELS[each] for each in output[3, :, :5].argmax(0).tolist()]
    right = entropy(prediction[3, :, :5], axis=0).mean()
    assert_close(task.uncertainty(output)["entropy"][3], torch.tensor(right).float())
    cells = task.side_by_side(prediction, target)
    assert cells["target"][2] is None
    for truth, guess in zip(*cells.values(), strict=True):
        if truth is not None:
            assert len(str(truth).split()) == len(str(guess).split()) > 0
    assert task.caption(target[2]) == "?"
    assert task.caption(target[0]) == cells["target"][0]


def test_a_calibration_divides_raw_outputs() -> None:
    task, (output, target) = TokenLabels(LABELS), texts()
    told = task.fit_calibration(output, target, 0.9)
    assert told is not None
    assert told["temperature"] > 1
    task.take_calibration(told)
    prediction = task.predict(output)
    assert_close(prediction[0], (output[0] / told["temperature"]).softmax(0))
    assert not prediction[1, :, 4:].any()


@pytest.mark.parametrize("target", [torch.zeros(4).long(), torch.zeros(4, 6)])
def test_targets_that_are_no_labels_of_tokens(target: Tensor) -> None:
    with pytest.raises(InputError, match="task 'tag': .* needs a number for each token"):
        TokenLabels(LABELS).check("tag", target, "training")
    with pytest.raises(InputError, match="include number 5, but its 5 labels"):
        TokenLabels(LABELS).check("tag", torch.full((2, 2), 5), "training")


def test_targets_for_fewer_places_than_texts_have() -> None:
    output, target = texts()
    with pytest.raises(InputError, match="its texts have 6 places, but its targets have 5"):
        TokenLabels(LABELS).loss(output, target[:, :5])


@pytest.mark.parametrize("labels", [["O"], ["O", "O"], []])
def test_labels_are_at_least_two_different_ones(labels: list[str]) -> None:
    with pytest.raises(InputError, match="list at least two, each once"):
        TokenLabels(labels)


def test_the_figure_counts_tokens() -> None:
    task, (output, target) = TokenLabels(LABELS), texts()
    axes = Figure().subplots()
    assert task.draw(axes, task.predict(output), target)
    assert sum(int(text.get_text()) for text in axes.texts) == (target >= 0).sum()
