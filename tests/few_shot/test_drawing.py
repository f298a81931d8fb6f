"""Which samples a support set holds."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from multitask.errors import InputError
from multitask.few_shot import apart, draw_support, first_of_each
from multitask.tasks import Classification, Regression, Segmentation

KINDS = torch.tensor([0, 1, 2, -100, 0, 1, 2, 0, 1, 2, 2, -100])


def test_each_class_gets_its_shots() -> None:
    for seed in range(5):
        found = draw_support("kind", Classification(3), KINDS, 2, seed)
        assert KINDS[found].tolist() == [0, 0, 1, 1, 2, 2]
        assert len(set(found.tolist())) == 6


def test_fewer_shots_are_a_part_of_more() -> None:
    one, two, three = (draw_support("kind", Classification(3), KINDS, k, 4) for k in (1, 2, 3))
    assert set(one.tolist()) < set(two.tolist()) < set(three.tolist())
    numbers = torch.rand(30)
    one, two = (draw_support("size", Regression(), numbers, k, 4) for k in (3, 7))
    assert set(one.tolist()) < set(two.tolist())


def test_a_seed_tells_the_draw() -> None:
    numbers = torch.rand(100)
    draws = [draw_support("size", Regression(), numbers, 5, seed).tolist() for seed in range(400)]
    assert draws[3] == draw_support("size", Regression(), numbers, 5, 3).tolist()
    assert len({tuple(each) for each in draws}) == 400
    # Every sample has its chance: 20 on average, with a deviation of 4.4.
    counts = np.bincount(np.concatenate(draws), minlength=100)
    assert 5 < counts.min() < counts.max() < 40
    state = torch.get_rng_state()
    draw_support("size", Regression(), numbers, 5, 0)
    assert torch.equal(state, torch.get_rng_state())


def test_missing_labels_are_not_drawn() -> None:
    numbers = torch.tensor([1.0, torch.nan, 2.0, 3.0, torch.nan])
    assert sorted(draw_support("size", Regression(), numbers, 3, 0).tolist()) == [0, 2, 3]
    vectors = torch.stack([numbers, torch.arange(5.0)], 1)
    assert sorted(draw_support("place", Regression(2), vectors, 3, 0).tolist()) == [0, 2, 3]
    maps = torch.full((4, 2, 2), -100)
    maps[1, 0, 0] = 1
    assert draw_support("map", Segmentation(2), maps, 1, 0).tolist() == [1]


def test_only_what_may_be_drawn_is_drawn() -> None:
    allowed = torch.tensor([1, 2, 7, 9])
    found = draw_support("kind", Classification(3), KINDS, 1, 0, allowed).tolist()
    assert found[:2] == [7, 1]
    assert found[2] in (2, 9)


@pytest.mark.parametrize(
    ("task", "shots", "words"),
    [
        (Classification(3), 4, "'it' has 3 labels of class 0, fewer than 4 shots"),
        (
            Classification(4),
            1,
            "'it' has 0 labels of class 3, fewer than 1 shot; label some samples$",
        ),
        (
            Classification(3, classes=["katt", "häst", "label%"]),
            9,
            "'it' has 3 labels of class 'katt', fewer than 9 shots",
        ),
        (Classification(3), 0, "shots is 0; a support set needs at least 1"),
    ],
)
def test_too_few_labels_are_told_by_class(task: Classification, shots: int, words: str) -> None:
    with pytest.raises(InputError, match=words):
        draw_support("it", task, KINDS, shots, 0)


def test_too_few_samples_are_told() -> None:
    with pytest.raises(
        InputError, match="'size' has 1 sample with a label, fewer than 2 shots; give 1 at"
    ):
        draw_support("size", Regression(), torch.tensor([1.0, torch.nan]), 2, 0)


def test_kin_of_the_query_set_stay_out() -> None:
    images, groups = np.array([1, 2, 3, 4]), np.array(["a", "b", "c", "a"])
    found = apart([images, groups], [np.array([2, 9]), np.array(["c", "d"])])
    assert found.tolist() == [True, False, False, True]
    assert first_of_each(np.array([5, 3, 5, 3, 1])).tolist() == [True, True, False, False, True]
