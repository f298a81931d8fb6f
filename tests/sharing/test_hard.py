"""Hard sharing: every task sees everything."""

from __future__ import annotations

import torch

from multitask.sharing import HardSharing


def test_every_task_sees_the_whole_representation() -> None:
    sharing, representation = HardSharing(5, ["a", "b"]), torch.randn(3, 5)
    assert sharing.out_features == 5
    features = sharing(dict.fromkeys(["a", "b"], representation))
    assert list(features) == ["a", "b"]
    assert all(each is representation for each in features.values())
    assert not sharing.state_dict()
