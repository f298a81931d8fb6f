"""Hidden tokens that are to be told, by buckets."""

from __future__ import annotations

import pytest
import torch
from matplotlib.figure import Figure
from torch.nn.functional import cross_entropy
from torch.testing import assert_close

from multitask.errors import InputError
from multitask.missing_labels import NO_TOKEN
from multitask.tasks import MaskedTokens


def texts() -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(0)
    output = torch.randn(3, 5, 4, generator=generator)
    target = torch.randint(1000, (3, 6), generator=generator)
    target[:, ::2] = -100
    output[2, :, 2:] = NO_TOKEN
    return output, target


def test_a_token_is_told_by_its_bucket() -> None:
    output, target = texts()
    total, count = MaskedTokens(5).loss(output, target)
    right = target[:, :4].where(target[:, :4] < 0, target[:, :4] % 5)
    right[2, 2:] = -100
    assert count == 5
    assert_close(total / count, cross_entropy(output, right))
    task = MaskedTokens(5)
    metrics = task.metrics()
    task.update_metrics(metrics, output, target)
    found = metrics.compute()
    assert_close(found["nll"], total / count)
    share = (output.argmax(1) == right)[right >= 0].float().mean()
    assert_close(found["accuracy"], share)


def test_the_trivial_predictor_is_the_commonest_bucket() -> None:
    task, (output, target) = MaskedTokens(5), texts()
    target[0, 1::2], target[1, 1::2] = 7, 12
    task.learn_statistics("masked", target)
    assert (task.trivial_output(output).argmax(1)[:2] == 2).all()


def test_nothing_is_shown_of_it() -> None:
    task, (output, target) = MaskedTokens(5), texts()
    prediction = task.predict(output)
    assert task.columns("masked", prediction) == task.side_by_side(prediction, target) == {}
    assert task.column_names("masked") == []
    assert task.uncertainty(output) == {}
    assert task.class_names is None
    assert not task.draw(Figure().subplots(), prediction, target)


def test_what_is_no_number_of_a_token() -> None:
    with pytest.raises(InputError, match="task 'masked': .* a number for each token"):
        MaskedTokens(5).check("masked", torch.zeros(3, 4), "training")
    with pytest.raises(InputError, match="include number -7"):
        MaskedTokens(5).check("masked", torch.full((3, 4), -7), "training")
    with pytest.raises(InputError, match="buckets is 1; give at least 2"):
        MaskedTokens(1)
