"""A setting that changes when a training is resumed counts, or is refused."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from multitask import InputError
from multitask.checkpoints.changes import changes, keep_changed, refuse_changes

BEFORE: dict[str, Any] = {
    "encoder": {"class_path": "pack.ConvNet", "init_args": {"width": 2, "grid": 3}},
    "tasks": {
        "kind": {"class_path": "pack.Classification", "init_args": {"class_weights": None}},
        "size": {"class_path": "pack.Regression"},
    },
    "balancer": None,
    "optimizer": {"class_path": "torch.optim.AdamW", "init_args": {"lr": 0.1}},
    "scheduler": {"class_path": "pack.Cosine", "init_args": {"T_max": 5}},
}


def changed(*keys: str, to: Any) -> dict[str, Any]:
    now = {**BEFORE}
    inner = now
    for key in keys[:-1]:
        inner[key] = {**inner[key]}
        inner = inner[key]
    inner[keys[-1]] = to
    return now


def test_changes_are_named_without_init_args() -> None:
    assert list(changes(BEFORE, BEFORE)) == []
    now = changed("optimizer", "init_args", "lr", to=0.2)
    assert list(changes(BEFORE, now)) == [("optimizer", "lr")]
    now = changed("optimizer", "init_args", to={"lr": 0.1, "weight_decay": 1})
    assert list(changes(BEFORE, now)) == [("optimizer", "weight_decay")]
    now = changed("tasks", "size", "class_path", to="pack.Other")
    assert list(changes(BEFORE, now)) == [("tasks", "size", "class_path")]


@pytest.mark.parametrize(
    ("keys", "to", "named"),
    [
        (("optimizer", "class_path"), "torch.optim.SGD", "model.optimizer"),
        (("encoder", "class_path"), "pack.MLP", "model.encoder"),
        (("balancer",), {"class_path": "pack.FAMO"}, "model.balancer"),
        (("scheduler", "init_args", "T_max"), 9, "model.scheduler.T_max"),
        (("scheduler",), None, "model.scheduler"),
    ],
)
def test_what_has_a_state_is_refused(keys: tuple[str, ...], to: Any, named: str) -> None:
    with pytest.raises(InputError, match=f"^{named} cannot change .*: begin anew$"):
        refuse_changes(BEFORE, changed(*keys, to=to), "begin anew")


@pytest.mark.parametrize(
    ("keys", "to"),
    [
        (("optimizer", "init_args", "lr"), 0.2),
        (("optimizer", "class_path"), "torch.optim.adamw.AdamW"),
        (("encoder", "init_args", "grid"), 4),
        (("tasks", "kind", "init_args", "class_weights"), [1.0, 2.0]),
    ],
)
def test_what_can_count_is_not(keys: tuple[str, ...], to: Any) -> None:
    refuse_changes(BEFORE, changed(*keys, to=to), "begin anew")


def test_state_that_is_a_setting_is_todays_and_no_other() -> None:
    now = changed("tasks", "kind", "init_args", "class_weights", to=[1.0, 2.0])
    model = {"tasks.kind.class_weights": torch.tensor([1.0, 2.0]), "tasks.size.mean": torch.ones(1)}
    saved = {name: torch.zeros_like(value) for name, value in model.items()}
    checkpoint = {"hyper_parameters": BEFORE, "state_dict": dict(saved)}
    keep_changed(checkpoint, model, BEFORE)
    assert checkpoint["state_dict"] == saved
    keep_changed(checkpoint, model, now)
    assert checkpoint["state_dict"]["tasks.kind.class_weights"].tolist() == [1, 2]
    assert checkpoint["state_dict"]["tasks.size.mean"].tolist() == [0]
    with pytest.raises(InputError, match="class_weights cannot change .* sharded"):
        keep_changed({"hyper_parameters": BEFORE}, model, now)
