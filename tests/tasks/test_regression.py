"""Regression: scaling, losses, original units, metrics, the figure, bad input."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, Literal

import numpy as np
import pytest
import torch
from matplotlib.figure import Figure
from sklearn.metrics import mean_absolute_error, r2_score, root_mean_squared_error
from torch import Tensor, nn
from torch.testing import assert_close

from multitask.errors import InputError
from multitask.tasks import Regression
from multitask.training.mean_losses import mean_where_labelled

NAN = float("nan")


def targets(samples: int = 60, size: int = 3, missing: bool = True, seed: int = 0) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    values = torch.randn(samples, size, generator=generator) * torch.tensor([1.0, 20.0, 0.3])[:size]
    values += torch.tensor([5.0, -100.0, 0.0])[:size]
    if missing:
        values[torch.rand(samples, size, generator=generator) < 0.3] = NAN
        values[7] = NAN
    return values


def fitted(
    train: Tensor, scale: Literal["element", "common", "none"] = "element", **options: Any
) -> Regression:
    task = Regression(size=train[0].numel(), scale=scale, **options)
    task.learn_statistics("size", train)
    return task


@pytest.mark.parametrize("scale", ["element", "common", "none"])
def test_statistics_are_numpys_over_the_known_elements(
    scale: Literal["element", "common", "none"],
) -> None:
    values = targets()
    task = fitted(values, scale)
    known = values.double().numpy()
    mean = np.nanmean(known, 0)
    deviation = {
        "element": np.nanstd(known, 0),
        "common": np.full(3, np.sqrt(np.nanmean((known - mean) ** 2))),
        "none": np.ones(3),
    }[scale]
    assert_close(task.mean, torch.tensor(mean * (scale != "none")).float())
    assert_close(task.deviation, torch.tensor(deviation).float())
    assert_close(task.trivial, torch.tensor(mean).float())


def test_statistics_of_far_off_units_are_exact() -> None:
    values = 1e6 + torch.randn(1000, generator=torch.Generator().manual_seed(0))
    task = fitted(values)
    assert_close(task.deviation[0].item(), float(values.double().numpy().std()), rtol=1e-5, atol=0)


def test_statistics_travel_with_the_weights() -> None:
    task, other = fitted(targets()), Regression(size=3)
    other.load_state_dict(task.state_dict())
    assert_close(other.predict(torch.ones(1, 3)), task.predict(torch.ones(1, 3)))


@pytest.mark.parametrize(
    "criterion", [None, nn.MSELoss(), nn.L1Loss(), nn.HuberLoss(delta=0.7), nn.SmoothL1Loss()]
)
@pytest.mark.parametrize("scale", ["element", "common", "none"])
def test_loss_and_gradient_are_torchs_over_the_known_elements(
    criterion: nn.Module | None, scale: Literal["element", "common", "none"]
) -> None:
    task = fitted(targets(), scale, loss=criterion)
    target = targets(seed=1)
    output = torch.randn(target.shape, generator=torch.Generator().manual_seed(2)).requires_grad_()
    total, count = task.loss(output, target)
    known = ~target.isnan()
    expected = {
        "MSELoss": nn.MSELoss(),
        "L1Loss": nn.L1Loss(),
        "HuberLoss": nn.HuberLoss(delta=0.7),
        "SmoothL1Loss": nn.SmoothL1Loss(),
    }[type(criterion or nn.MSELoss()).__name__](
        output[known], ((target - task.mean) / task.deviation)[known]
    )
    assert count == known.sum()
    assert_close(total / count, expected)
    (gradient,) = torch.autograd.grad(total / count, output)
    assert_close(gradient, torch.autograd.grad(expected, output)[0])


class OwnLoss(nn.Module):
    """One loss an entry, without torch's ``reduction``."""

    def forward(self, output: Tensor, target: Tensor) -> Tensor:
        return (output - target).abs().sqrt()


def test_own_loss_sees_standardised_values() -> None:
    task = fitted(torch.tensor([90.0, 110.0]), loss=OwnLoss())
    total, _ = task.loss(torch.zeros(1, 1), torch.tensor([140.0]))
    assert_close(total, torch.tensor(2.0))


class LossOfSamples(nn.Module):
    """One loss a sample rather than an entry; broadcasts where there are as many elements."""

    def forward(self, output: Tensor, target: Tensor) -> Tensor:
        return (output - target).square().mean(1)


def test_loss_of_another_shape_than_the_targets_is_refused() -> None:
    task = Regression(size=2, loss=LossOfSamples())
    sentence = r"loss LossOfSamples returned shape \[2\], .* \[batch, size\], here \[2, 2\]"
    with pytest.raises(InputError, match=sentence):
        task.loss(torch.zeros(2, 2), torch.zeros(2, 2))


def test_samples_are_known_by_any_of_their_elements() -> None:
    values = torch.tensor([[1.0, NAN], [NAN, NAN], [NAN, 0.0], [1.0, 2.0]])
    assert Regression(size=2).known(values).tolist() == [True, False, True, True]


def test_flat_targets_are_single_numbers() -> None:
    task = Regression()
    output = torch.tensor([[1.0], [2.0], [3.0]])
    total, count = task.loss(output, torch.tensor([0.0, NAN, 5.0]))
    assert (total, count) == (5, 2)


def test_batch_without_a_label_has_no_loss_and_no_gradient() -> None:
    task = fitted(targets())
    output = torch.randn(4, 3, requires_grad=True)
    totals = torch.stack(task.loss(output, torch.full((4, 3), NAN)))
    loss = mean_where_labelled(totals.unsqueeze(1)).sum()
    loss.backward()
    assert loss == 0
    assert output.grad is not None
    assert torch.equal(output.grad, torch.zeros_like(output))


@pytest.mark.parametrize("constant", [0.0, 5.0, 0.1, 1e6 + 0.1])
@pytest.mark.parametrize("scale", ["element", "common"])
def test_constant_target_keeps_its_unit(
    constant: float, scale: Literal["element", "common"]
) -> None:
    train = torch.full((11, 1), constant)
    task = fitted(train, scale)
    assert task.deviation.item() == 1
    total, _ = task.loss(torch.zeros(11, 1), train)
    assert_close(total, torch.tensor(0.0))


def test_element_without_a_label_is_left_as_it_is() -> None:
    task = fitted(torch.tensor([[1.0, NAN], [3.0, NAN]]))
    assert task.mean.tolist() == [2, 0]
    assert task.deviation.tolist() == [1, 1]


def test_predictions_are_in_original_units() -> None:
    task = fitted(torch.tensor([80.0, 100.0, 120.0]))
    deviation = 20 * math.sqrt(2 / 3)
    assert_close(
        task.predict(torch.tensor([[0.0], [1.0], [-2.0]])),
        torch.tensor([[100.0], [100 + deviation], [100 - 2 * deviation]]),
    )


@pytest.mark.parametrize("scale", ["element", "common", "none"])
def test_trivial_predictor_predicts_the_training_mean(
    scale: Literal["element", "common", "none"],
) -> None:
    task = fitted(targets(), scale)
    output = task.trivial_output(torch.zeros(5, 3))
    expected = torch.tensor(np.nanmean(targets().numpy(), 0)).expand(5, -1)
    assert_close(task.predict(output), expected, atol=1e-4, rtol=1e-5)


def measured(task: Regression, output: Tensor, target: Tensor) -> dict[str, float]:
    metrics = task.metrics()
    for rows in torch.arange(len(output)).split(17):
        task.update_metrics(metrics, output[rows], target[rows])
    return {name: value.item() for name, value in metrics.compute().items()}


@pytest.mark.parametrize(
    ("scale", "average"), [("element", "uniform_average"), ("common", "variance_weighted")]
)
def test_metrics_are_scikit_learns_in_original_units(
    scale: Literal["element", "common"], average: str
) -> None:
    task = fitted(targets(), scale)
    target = targets(200, missing=False, seed=1)
    output = (target - task.mean) / task.deviation + 0.5 * torch.randn(target.shape)
    predicted = task.predict(output).numpy()
    found = measured(task, output, target)
    assert found["mae"] == pytest.approx(mean_absolute_error(target, predicted), rel=1e-5)
    rmse = math.sqrt(np.square(target.numpy() - predicted).mean())
    assert found["rmse"] == pytest.approx(rmse, rel=1e-5)
    assert found["r2"] == pytest.approx(r2_score(target, predicted, multioutput=average), abs=1e-5)


def test_metrics_leave_missing_elements_out() -> None:
    task = fitted(targets())
    target = targets(200, seed=1)
    output = torch.randn(target.shape, generator=torch.Generator().manual_seed(3))
    predicted, known = task.predict(output), ~target.isnan()
    found = measured(task, output, target)
    assert found["mae"] == pytest.approx(
        mean_absolute_error(target[known], predicted[known]), rel=1e-5
    )
    assert found["rmse"] == pytest.approx(
        root_mean_squared_error(target[known], predicted[known]), rel=1e-5
    )
    each = [r2_score(target[known[:, i], i], predicted[known[:, i], i]) for i in range(3)]
    assert found["r2"] == pytest.approx(np.mean(each), rel=1e-5)


@pytest.mark.parametrize("scale", ["element", "none"])
def test_metrics_are_right_far_from_zero(scale: Literal["element", "none"]) -> None:
    generator = torch.Generator().manual_seed(0)
    target = 1e6 + torch.randn(2000, generator=generator)
    task = fitted(target, scale)
    output = (target - task.mean) / task.deviation
    output = (output + 0.5 * torch.randn(2000, generator=generator))[:, None]
    predicted = task.predict(output)[:, 0].double()
    found = measured(task, output, target)
    assert found["r2"] == pytest.approx(r2_score(target.double(), predicted), abs=0.01)
    assert found["r2"] == pytest.approx(0.75, abs=0.05)
    assert found["mae"] == pytest.approx(mean_absolute_error(target.double(), predicted), rel=1e-3)
    rmse = root_mean_squared_error(target.double(), predicted)
    assert found["rmse"] == pytest.approx(rmse, rel=1e-3)


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_half_precision_outputs_do_not_round_far_off_units(dtype: torch.dtype) -> None:
    target = 1e6 + torch.randn(500, generator=torch.Generator().manual_seed(0))
    task = fitted(target)
    output = torch.randn(500, 1, generator=torch.Generator().manual_seed(1))
    total, count = task.loss(output.to(dtype), target)
    expected, _ = task.loss(output, target)
    assert total.dtype == count.dtype == dtype
    assert_close(total.float(), expected, rtol=0.02, atol=0)
    assert task.predict(output.to(dtype)).dtype == torch.float32
    assert measured(task, output.to(dtype), target)["mae"] == pytest.approx(
        measured(task, output, target)["mae"], rel=0.01
    )


@pytest.mark.parametrize(
    ("size", "values", "sentences"),
    [
        (1, [1.0, 2.0, 3.0, math.inf], ["task 'size'", "sample 3 is infinite"]),
        (2, [[0.0, 1.0], [NAN, -math.inf]], ["sample 1 is infinite"]),
        (1, [[0.0, 1.0]], ["have 2 elements, but size is 1", "set size to 2"]),
        (3, [0.0, 1.0], ["have 1 elements, but size is 3", "set size to 1"]),
        (1, [NAN, NAN], ["task 'size'", "no training sample has a label"]),
        (1, [0, -100, 3], ["task 'size'", "int64"]),
    ],
    ids=["infinite", "infinite element", "too large", "too small", "all missing", "class numbers"],
)
def test_targets_that_do_not_fit_are_refused(
    size: int, values: list[Any], sentences: list[str]
) -> None:
    with pytest.raises(InputError) as error:
        Regression(size=size).learn_statistics("size", torch.tensor(values))
    assert [each for each in sentences if each not in str(error.value)] == []


@pytest.mark.parametrize(
    ("build", "sentence"),
    [(lambda: Regression(size=0), "size is 0"), (lambda: Regression(weight=-1), "weight is -1")],
)
def test_bad_arguments_are_refused(build: Callable[[], Any], sentence: str) -> None:
    with pytest.raises(InputError, match=sentence):
        build()


def test_table_has_a_column_for_each_element() -> None:
    values = torch.tensor([[1.0, 2.0], [3.0, 4.0]])
    assert list(Regression().columns("angle", values[:, :1])) == ["angle"]
    columns = Regression(size=2).columns("place", values)
    assert {name: column.tolist() for name, column in columns.items()} == {
        "place.0": [1, 3],
        "place.1": [2, 4],
    }


def test_elements_are_called_by_their_names() -> None:
    task, values = Regression(size=2), torch.tensor([[1.0, 2.0]])
    task.elements = ["x", "y"]
    assert list(task.columns("place", values)) == ["place.x", "place.y"]
    task.elements = ["x", "x"]
    assert list(task.columns("place", values)) == ["place.0", "place.1"]


@pytest.mark.parametrize(
    ("value", "caption"), [([12.3456], "12.3°"), (12.3456, "12.3°"), ([NAN], "?"), ([1.0, 2.0], "")]
)
def test_caption_is_the_number_with_its_unit(value: Any, caption: str) -> None:
    assert Regression(unit="°").caption(torch.tensor(value)) == caption


def test_figure_has_predicted_against_true_values_of_the_known_elements() -> None:
    axes = Figure().subplots()
    target = torch.tensor([[1.0, NAN], [5.0, 2.0]])
    Regression(size=2, unit="px").draw(axes, torch.tensor([[1.5, 9.0], [4.0, 2.5]]), target)
    points = axes.collections[0].get_offsets().tolist()
    assert points == [[1.0, 1.5], [5.0, 4.0], [2.0, 2.5]]
    (diagonal,) = axes.lines
    assert diagonal.get_xydata().tolist() == [[1, 1], [5, 5]]
    assert (axes.get_xlabel(), axes.get_ylabel()) == ("true (px)", "predicted (px)")


@pytest.mark.parametrize("samples", [0, 4000])
def test_figure_of_none_or_very_many_values_can_be_drawn(samples: int) -> None:
    figure = Figure()
    values = torch.randn(max(samples, 2), 1)
    target = values if samples else torch.full_like(values, NAN)
    Regression().draw(figure.subplots(), values, target)
    figure.canvas.draw()


@pytest.mark.parametrize("weight", [-1.0, float("nan"), float("inf"), float("-inf")])
def test_a_weight_that_cannot_be_is_refused(weight: float) -> None:
    with pytest.raises(InputError, match=f"weight is {weight}; a task's weight must be finite"):
        Regression(weight=weight)
