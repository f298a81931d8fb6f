"""Changes of low rank for each task."""

from __future__ import annotations

from functools import partial
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.testing import assert_close

from multitask import MultiTask
from multitask.balancing import GradientBalancer
from multitask.balancing.level import Level
from multitask.balancing.weightings import MGDA
from multitask.callbacks import GradientTelemetry
from multitask.encoders import MLP, LowRank, TimmMaps, Vector
from multitask.encoders.low_rank_layers import changed_layers
from multitask.errors import InputError
from multitask.sharing import LowRankTasks
from multitask.tasks import Classification, Segmentation
from multitask.training.model_size import parameter_counts
from multitask.training.sharding import _large_blocks

from .conftest import Make, assert_same_losses, balanced

RANK2 = partial(LowRankTasks, rank=2)


def filled(model: MultiTask) -> MultiTask:
    """With changes that are not zero."""
    for layer in changed_layers(model).values():
        changes: Any = layer.changes
        torch.nn.init.normal_(changes[-1].up)
    return model


def test_parameter_counts(model: Make) -> None:
    found, plain = parameter_counts(model(RANK2)), parameter_counts(model())
    assert found["own_parameters"] == 3 * 2 * (12 + 8 + 8 + 6)
    assert found["shared_parameters"] == plain["shared_parameters"]
    assert found["parameters"] == plain["parameters"] + found["own_parameters"]


def test_it_begins_as_hard_sharing(model: Make, batch: dict[str, Tensor]) -> None:
    hard, found = model(), model(RANK2)
    column: Any = found.encoder.columns["0"]  # type: ignore[union-attr, index, operator]
    column.load_state_dict({**column.state_dict(), **hard.encoder.state_dict()})
    assert_same_losses(found, hard, batch)
    own = dict(column.named_parameters())
    for name, one in hard.encoder.named_parameters():
        assert_close(own[name].grad, one.grad, atol=1e-13, rtol=1e-10)
    # Statistics are each task's own, and move once a step.
    for each in found.encoder.columns.values():  # type: ignore[union-attr, operator]
        buffers = dict(each.named_buffers())
        assert all(torch.equal(buffers[name], one) for name, one in hard.encoder.named_buffers())


def test_each_task_sees_the_weight_and_its_own_change(
    model: Make, batch: dict[str, Tensor]
) -> None:
    found = filled(model(RANK2)).eval()
    first, second, _ = found.encoder.columns.values()  # type: ignore[union-attr, operator]
    assert first.layers[1]._parameters["weight"] is second.layers[1]._parameters["weight"]
    assert not torch.equal(first.layers[1].weight, second.layers[1].weight)
    outputs = found(batch["image"])
    assert torch.equal(outputs["size"], found.heads["size"](second(batch["image"])))


def test_level_shared_compares_the_gradients_of_separate_passes(
    model: Make, batch: dict[str, Tensor]
) -> None:
    found = filled(model(RANK2, balancer=GradientBalancer(MGDA(), level="shared")))
    seen: list[Tensor] = []
    level: Any = found.balancer.level
    assert isinstance(level, Level)
    found.views.watchers.append(lambda gradients: seen.append(level.gramian(gradients).clone()))
    losses, _ = found.losses(found(batch["image"]), batch)
    losses.sum().backward()
    trained = list(found.encoder.parameters())
    # Without the gate, at which the balancer would weigh them.
    found.views.is_open = False
    again, _ = found.losses(found(batch["image"]), batch)
    jacobian = torch.stack(
        [
            torch.cat(
                [
                    each.flatten()
                    for each in torch.autograd.grad(
                        loss, trained, retain_graph=True, materialize_grads=True
                    )
                ]
            )
            for loss in again
        ]
    )
    assert_close(seen[0], jacobian @ jacobian.T, atol=1e-13, rtol=1e-9)
    assert seen[0][0, 1] != 0


def test_levels_without_a_common_number_are_refused(model: Make) -> None:
    with pytest.raises(InputError, match="its own pass .* set level: shared"):
        model(RANK2, balancer=balanced())
    frozen = partial(RANK2, frozen=True)
    with pytest.raises(
        InputError, match="level 'shared' .* is frozen; choose a balancer of losses"
    ):
        model(frozen, balancer=GradientBalancer(MGDA(), level="shared"))
    with pytest.raises(InputError, match="through the encoder; choose a balancer of losses"):
        model(frozen, balancer=balanced())


def test_frozen_weights_and_statistics_stay(model: Make, batch: dict[str, Tensor]) -> None:
    found = model(partial(RANK2, frozen=True)).train()
    before = {name: each.clone() for name, each in found.encoder.named_buffers()}
    found.losses(found(batch["image"]), batch)[0].sum().backward()
    assert all(torch.equal(each, before[name]) for name, each in found.encoder.named_buffers())
    learn = [name for name, each in found.encoder.named_parameters() if each.requires_grad]
    assert len(learn) == 3 * 2 * 2
    assert all(".changes." in name for name in learn)


def test_over_an_encoder_of_low_rank_the_first_change_is_shared() -> None:
    encoder = LowRank(MLP(12, hidden=[8], out_features=6), 1)
    tasks = {"kind": Classification(3), "other": Classification(2)}
    found = MultiTask(encoder, tasks, sharing=RANK2).eval()
    counts = parameter_counts(found)
    assert counts["own_parameters"] == 2 * 2 * (12 + 8 + 8 + 6)
    found(torch.rand(4, 1, 3, 4))["kind"].sum().backward()
    names = [name for name, each in found.encoder.named_parameters() if each.grad is not None]
    assert names == [
        f"columns.0.layers.{layer}.changes.{place}.{part}"
        for layer in (1, 4)
        for place in (0, 1)
        for part in ("up", "down")
    ]
    # With vectors of its own, level shared still has what LowRank learns.
    MultiTask(encoder.another(), tasks, GradientBalancer(MGDA(), level="shared"), sharing=RANK2)


def test_maps_and_missing_labels() -> None:
    torch.manual_seed(0)
    tasks = {"kind": Classification(3), "mask": Segmentation(2)}
    encoder = TimmMaps("test_resnet", levels=[0, 1], in_channels=1)
    found = MultiTask(
        encoder, tasks, GradientBalancer(MGDA(), level="shared"), sharing=partial(RANK2, rank=1)
    )
    batch = {
        "image": torch.rand(4, 1, 16, 16),
        "kind": torch.full((4,), -100),
        "mask": torch.randint(2, (4, 16, 16)),
    }
    losses, totals = found.losses(found(batch["image"]), batch)
    found.balancer(losses, totals[1] > 0).backward()
    found.balancer.after_backward()
    gradients = [each.grad for each in found.encoder.parameters()]
    assert all(each is not None and each.isfinite().all() for each in gradients)


def test_one_task() -> None:
    found = MultiTask(MLP(12), {"kind": Classification(3)}, sharing=RANK2)
    assert found(torch.rand(4, 1, 3, 4))["kind"].shape == (4, 3)
    assert parameter_counts(found)["own_parameters"] == 2 * (12 + 256 + 256 + 64)


def test_settings_that_cannot_be(model: Make) -> None:
    with pytest.raises(InputError, match="LowRankTasks: rank is 0"):
        LowRankTasks(Vector(6), ["a"], rank=0)
    with pytest.raises(InputError, match="LowRankTasks: layers: .* matches 'head'"):
        model(partial(RANK2, layers=["head"]))


def test_telemetry_shows_no_cosines_of_different_numbers(
    model: Make, batch: dict[str, Tensor]
) -> None:
    found, telemetry = model(RANK2), GradientTelemetry(every=1)
    telemetry.on_train_batch_start(None, found)  # type: ignore[arg-type]
    found.losses(found(batch["image"]), batch)[0].sum().backward()
    (gramian,) = telemetry._found
    assert gramian.diagonal().min() > 0
    assert gramian[0, 1].isnan()


def test_blocks_with_a_parameter_in_common_are_not_divided_by_themselves(
    model: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("multitask.training.sharding.BLOCK", 1)
    assert _large_blocks(model().encoder)
    assert not _large_blocks(model(RANK2).encoder)


def test_changes_of_an_encoder_of_low_rank_are_not_a_tasks_own(model: Make) -> None:
    encoder = LowRank(MLP(12, hidden=[8], out_features=6), 2)
    tasks = {"kind": Classification(3), "more": Classification(2)}
    found = MultiTask(encoder, tasks, sharing=partial(RANK2, layers=["layers.1"]))
    assert parameter_counts(found)["own_parameters"] == 2 * 2 * (12 + 8)


def test_a_task_that_does_not_teach_leaves_its_changes_gradients_of_0() -> None:
    tasks = {"kind": Classification(3), "more": Classification(2, teaches=0.0)}
    found = MultiTask(MLP(12, hidden=[8], out_features=6), tasks, sharing=RANK2)
    sum(each.sum() for each in found(torch.rand(4, 1, 3, 4)).values()).backward()  # type: ignore[union-attr]
    assert all(each.grad is not None for each in found.parameters())
