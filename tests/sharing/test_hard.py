"""Hard sharing: every task sees everything."""

from __future__ import annotations

import torch

from multitask.encoders import MLP, Vector
from multitask.sharing import HardSharing


def test_every_task_sees_the_whole_representation() -> None:
    sharing, representation = HardSharing(Vector(5), ["a", "b"]), torch.randn(3, 5)
    assert sharing.form == Vector(5)
    encoder = MLP(4)
    assert sharing.trunk(encoder) is encoder
    assert sharing.penalty() is None
    features = sharing(dict.fromkeys(["a", "b"], representation))
    assert list(features) == ["a", "b"]
    assert all(each is representation for each in features.values())
    assert not sharing.state_dict()
