"""The encoder of numbers and categories."""

from __future__ import annotations

from copy import deepcopy
from typing import Any

import pytest
import torch
from torch import Tensor

from multitask.encoders import Columns
from multitask.errors import InputError

NAN = float("nan")
SIZES = [1, 1, 3, 1, 1]


def rows() -> Tensor:
    """A usual number, one that never changes, a category, one never known, and a large one."""
    return torch.tensor(
        [
            [1.0, 7.0, 2.0, NAN, 1e9],
            [3.0, 7.0, NAN, NAN, 1e9 + 64],
            [NAN, 7.0, 0.0, NAN, 1e9 + 128],
        ]
    )


def learnt() -> Columns:
    torch.manual_seed(0)
    encoder = Columns(SIZES, hidden=[6], out_features=4, embedding=2)
    encoder.learn_statistics([rows()])
    return encoder


def test_numbers_are_standardised_and_absence_is_told() -> None:
    cells = learnt().cells(rows())
    assert cells.shape == (3, 2 * 4 + 2)
    standard, missing = cells[:, :4], cells[:, 4:8]
    one = 1.5**0.5
    torch.testing.assert_close(standard[:, 0], torch.tensor([-1.0, 1.0, 0.0]))
    torch.testing.assert_close(standard[:, 3], torch.tensor([-one, 0.0, one]))
    assert not standard[:, 1:3].any()
    assert missing.tolist() == [[0, 0, 1, 0], [0, 0, 1, 0], [1, 0, 1, 0]]


def test_a_number_that_training_saw_once_tells_nothing_later() -> None:
    changed = rows()
    changed[:, 1] = 1e30
    assert torch.equal(learnt()(changed), learnt()(rows()))


def test_a_missing_category_has_a_vector_of_its_own() -> None:
    encoder = learnt()
    values = rows()[:1].repeat(4, 1)
    values[:, 2] = torch.tensor([0.0, 1.0, 2.0, NAN])
    vectors = encoder.cells(values)[:, 8:]
    assert len(vectors.unique(dim=0)) == 4
    # No column reads the vectors of another, whatever its number is.
    values[:, 2] = torch.tensor([-1.0, 3.0, 100.0, NAN])
    assert len(encoder.cells(values)[:, 8:].unique(dim=0)) == 1


@pytest.mark.parametrize("sizes", [[1], [3], [1, 2, 1, 4], [2, 2]])
def test_columns_of_any_kind(sizes: list[int]) -> None:
    encoder = Columns(sizes, hidden=[], out_features=5)
    values = torch.tensor([[0.0] * len(sizes), [1.0] * len(sizes), [NAN] * len(sizes)])
    assert encoder.needs_statistics == (1 in sizes)
    encoder.learn_statistics([values])
    assert not encoder.needs_statistics
    assert encoder(values).shape == (3, 5)
    assert encoder(values).isfinite().all()
    assert encoder(values[:0]).shape == (0, 5)


def test_gradients_of_missing_cells_are_zero_not_nan() -> None:
    encoder, values = learnt(), rows().requires_grad_()
    encoder(values).square().sum().backward()
    assert values.grad is not None
    assert values.grad.isfinite().all()
    assert not values.grad[rows().isnan()].any()
    assert all(each.grad is not None for each in encoder.parameters())


def test_tiny_and_huge_deviations_stay_finite() -> None:
    encoder = Columns([1, 1])
    values = torch.tensor([[1e-40, -3e38], [3e-40, 3e38]])
    encoder.learn_statistics([values])
    assert encoder.cells(values).isfinite().all()


def test_statistics_travel_with_the_weights() -> None:
    fresh = Columns(**deepcopy(learnt()._arguments))
    fresh.load_state_dict(learnt().state_dict())
    assert not fresh.needs_statistics
    assert torch.equal(fresh(rows()), learnt()(rows()))


def test_the_stages_are_the_encoder() -> None:
    encoder, found = learnt(), rows()
    for stage in encoder.stages():
        found = stage(found)
    assert torch.equal(found, encoder(rows()))
    assert encoder.stage_features() == [6]


def test_a_graph_takes_any_batch() -> None:
    encoder = learnt().eval()
    axes = {0: torch.export.Dim("batch", min=1)}
    graph = torch.export.export(encoder, (rows(),), dynamic_shapes=(axes,)).module()
    torch.testing.assert_close(graph(rows()[:1]), encoder(rows()[:1]))


@pytest.mark.parametrize(
    ("values", "words"),
    [
        (torch.zeros(2, 4), "sizes lists 5 columns, but 'numbers' has 4"),
        (torch.tensor([[0, 0, 3.0, 0, 0]]), "3 categories for column 3 .* contains category 3"),
        (torch.tensor([[0, 0, 0.5, 0, 0]]), "contains the number 0.5, which is not a category"),
        (torch.tensor([[0, float("inf"), 0, 0, 0]]), "column 2 of 'numbers' contains an inf"),
        (torch.zeros(2, 5, dtype=torch.int64), "not columns of numbers but torch.int64"),
    ],
)
def test_values_that_do_not_fit_are_refused(values: Tensor, words: str) -> None:
    learnt().check_inputs([rows()], "model.encoder")
    with pytest.raises(InputError, match=words):
        learnt().check_inputs([values], "model.encoder")


@pytest.mark.parametrize("settings", [{"sizes": []}, {"sizes": [0]}, {"sizes": [1], "dropout": 1}])
def test_settings_that_make_no_sense(settings: dict[str, Any]) -> None:
    with pytest.raises(InputError, match="sizes is|dropout is 1"):
        Columns(**settings)
