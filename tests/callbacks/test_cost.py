"""Cost counts what a training takes, over all its parts."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from conformance.training import small_model, train
from lightning.pytorch.callbacks import ModelCheckpoint
from torchjd.scalarization import FAMO

from multitask.balancing import Balancer, FixedWeights, GradientBalancer, Scalarized
from multitask.balancing.weightings import IMTLG, PCGrad
from multitask.callbacks import Cost, Unfreezing


def cost_of(balancer: Balancer, steps: int = 6, **options: Any) -> dict[str, float]:
    cost = Cost()
    train(small_model(balancer), steps, callbacks=[cost], **options)
    return cost.values()


@pytest.mark.parametrize(
    ("balancer", "forward", "backward"),
    [
        (FixedWeights(), 6, 6),
        (GradientBalancer(IMTLG()), 6, 6),
        # The losses after each step.
        (Scalarized(FAMO(3)), 12, 6),
        # One more for each of three tasks; until the first step is made, one with zeros.
        (GradientBalancer(PCGrad(), level="shared"), 6, 6 * 3 + 1),
        (GradientBalancer(PCGrad(), level="shared", every=3), 6, 2 * 3 + 4 + 1),
    ],
)
def test_counts_passes_through_the_encoder(balancer: Balancer, forward: int, backward: int) -> None:
    found = cost_of(balancer)
    assert (found["forward_passes"], found["backward_passes"]) == (forward, backward)
    assert found["steps"] == 6
    assert found["seconds"] > 0
    assert found["peak_memory"] > 2**20
    assert found["parameters"] > 100


def test_counts_on_after_a_resume(tmp_path: Path) -> None:
    middle = ModelCheckpoint(tmp_path, filename="middle", every_n_train_steps=4, save_top_k=-1)
    first, second = Cost(), Cost()
    train(small_model(FixedWeights()), 6, callbacks=[first, middle], enable_checkpointing=True)
    train(small_model(FixedWeights()), 6, tmp_path / "middle.ckpt", callbacks=[second])
    assert second.values()["forward_passes"] == second.values()["steps"] == 6


def test_the_best_checkpoint_of_a_test_takes_nothing_back() -> None:
    cost = Cost()
    before = cost.state_dict()
    train(small_model(FixedWeights()), 6, callbacks=[cost])
    cost.load_state_dict(before)
    assert cost.values()["steps"] == 6


def test_counts_the_parameters_that_learned_last() -> None:
    cost = Cost()
    train(small_model(FixedWeights()), 3, callbacks=[cost, Unfreezing(["encoder"])])
    found = cost.values()
    assert found["trainable_parameters"] == found["parameters"] - 206
    assert (found["forward_passes"], found["backward_passes"]) == (3, 0)


def test_the_size_is_in_the_cost_and_in_the_models_description() -> None:
    cost, model = Cost(), small_model(FixedWeights())
    train(model, 2, callbacks=[cost])
    found = cost.values()
    sizes = ("parameters", "shared_parameters", "own_parameters", "head_parameters")
    assert [found[name] for name in sizes] == [248, 206, 0, 42]
    assert found["multiply_adds"] == 16 * 8 + 8 * 6 + 6 * (3 + 1 + 2)
    assert found["forward_passes"] == 2
    assert model.description is not None
    assert model.description["size"] == {name: found[name] for name in (*sizes, "multiply_adds")}
    other = Cost()
    other.load_state_dict(cost.state_dict())
    assert other.values()["multiply_adds"] == found["multiply_adds"]


def test_a_model_whose_operations_cannot_be_counted_is_trained(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def fails(*_: Any) -> int:
        raise RuntimeError("no batch\nof one")

    monkeypatch.setattr("multitask.callbacks.cost.multiply_adds", fails)
    cost = Cost()
    train(small_model(FixedWeights()), 2, callbacks=[cost])
    assert "multiply_adds" not in cost.values()
    assert cost.values()["steps"] == 2
