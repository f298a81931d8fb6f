"""Forms: how a representation becomes a vector, and what does not fit."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import nn
from torch.testing import assert_close

from multitask.encoders import Form, Maps, Tokens, Vector

MAPS = Maps((4, 8), (2, 4))


def test_a_vector_needs_no_wrapper() -> None:
    head, values = nn.Linear(5, 2), torch.randn(3, 5)
    assert Vector(5).before(head) is head
    assert Vector(5).vector(values) is values


def test_maps_become_the_mean_of_the_coarsest() -> None:
    maps = [torch.randn(2, 4, 6, 6), torch.randn(2, 8, 3, 3)]
    assert MAPS.features == 8
    assert_close(MAPS.vector(maps), maps[1].mean((2, 3)))
    head = nn.Linear(8, 2)
    assert_close(MAPS.before(head)(maps), head(maps[1].mean((2, 3))))


def test_tokens_become_the_mean_of_the_known_places() -> None:
    values = torch.tensor([[[1.0], [3.0], [50.0]], [[2.0], [50.0], [50.0]], [[7.0], [7.0], [7.0]]])
    places = torch.tensor([[True, True, False], [True, False, False], [False, False, False]])
    assert Tokens(1).vector([values, places]).tolist() == [[2], [2], [0]]


@pytest.mark.parametrize(
    ("form", "found", "words"),
    [
        (Vector(5), torch.zeros(2, 5), None),
        (Vector(5), torch.zeros(2, 7), "declares out_features = 5, .*; set out_features to 7"),
        (Vector(5), torch.zeros(2, 5, 3, 3), r"shape \(2, 5, 3, 3\), .* a vector; pool it to"),
        (Vector(5), [torch.zeros(2, 5)], "a list of 1, but its form is a vector of 5"),
        (MAPS, [torch.zeros(2, 4, 6, 6), torch.zeros(2, 8, 3, 3)], None),
        (MAPS, [torch.zeros(2, 4, 6, 6)], r"\[4, 8\] channels, but they have \[4\]"),
        (MAPS, torch.zeros(2, 8), r"a tensor of shape \(2, 8\), but its form is a list of maps"),
        (Tokens(3), [torch.zeros(2, 4, 3), torch.ones(2, 4).bool()], None),
        (Tokens(3), [torch.zeros(2, 4, 3), torch.ones(2, 5).bool()], "set the form's features"),
        (Tokens(3), torch.zeros(2, 4, 3), "its form is a list of values"),
    ],
)
def test_misfits_are_told(form: Form, found: Any, words: str | None) -> None:
    misfit = form.misfit(found)
    if words is None:
        assert misfit is None
    else:
        assert misfit is not None
        with pytest.raises(AssertionError, match=words):
            raise AssertionError(misfit)
