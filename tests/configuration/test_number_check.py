"""Numbers that a class is built with from Python are numbers, or are refused by name."""

from __future__ import annotations

import copy
import pickle
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from tiny_training import TinyData

from multitask.balancing import AutoLambda
from multitask.encoders import MLP
from multitask.encoders.forms import Vector
from multitask.errors import InputError
from multitask.passes import FOMAML
from multitask.sharing import MMoE


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: AutoLambda(["a"], every=1.5), "AutoLambda: every is 1.5; give a whole number"),
        (lambda: AutoLambda(["a"], "0.05"), "AutoLambda: learning_rate is '0.05'; give a number"),
        (lambda: FOMAML(steps=True), "FOMAML: steps is True; give a whole number"),
        (lambda: MLP(16.0), "MLP: in_features is 16.0; give a whole number"),
        (lambda: MMoE(Vector(4), ["a"], experts="2"), "MMoE: experts is '2'; give a whole number"),
        # By a constructor that hands its settings on.
        (lambda: TinyData(meta="0.2"), "TinyData: meta is '0.2'; give a number"),
        (lambda: TinyData(batch_size=8.0), "TinyData: batch_size is 8.0; give a whole number"),
    ],
)
def test_what_is_no_number_is_refused(make: Callable[[], Any], words: str) -> None:
    with pytest.raises(InputError) as refused:
        make()
    assert str(refused.value) == words


def test_numbers_of_any_library_are_taken_and_copies_are_made() -> None:
    made = AutoLambda(["a"], learning_rate=np.float32(0.5), every=np.int64(2))
    for each in (made, copy.deepcopy(made), pickle.loads(pickle.dumps(made))):
        assert (each.every, each.learning_rate) == (2, 0.5)
    assert AutoLambda(["a"], learning_rate=1).learning_rate == 1
    assert TinyData(meta=None).meta is None
