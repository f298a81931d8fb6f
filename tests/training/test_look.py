"""Looking ahead computes in full precision, and with the weights that it was given throughout."""

from __future__ import annotations

import torch
from conformance.training import SmallEncoder, small_model
from torch import Tensor

from multitask import MultiTask
from multitask.balancing import FixedWeights
from multitask.training.look import Look


def batch(dtype: torch.dtype = torch.float64) -> dict[str, Tensor]:
    generator = torch.Generator().manual_seed(1)
    return {
        "image": torch.rand(9, 1, 4, 4, generator=generator, dtype=dtype),
        "kind": torch.arange(9) % 3,
        "size": torch.full((9,), torch.nan, dtype=dtype),
        "place": torch.randn(9, 2, generator=generator, dtype=dtype),
    }


def gradients(model: MultiTask) -> list[dict[str, Tensor]]:
    look = Look(model, batch())
    moved = {name: each.detach() + 0.1 for name, each in look.shared.items()}
    weights = {name: each.requires_grad_() for name, each in moved.items()}
    losses, found = look.gradients(look.batch, torch.eye(3)[[0, 2]], weights)
    assert torch.equal(losses, look.losses(look.batch, weights))
    return found


def test_activations_computed_again_are_those_of_the_weights_tried() -> None:
    torch.manual_seed(0)
    again = small_model(FixedWeights(), SmallEncoder(checkpointed=True))
    plain = small_model(FixedWeights())
    plain.load_state_dict(again.state_dict())
    before = {name: each.clone() for name, each in again.named_buffers()}
    for one, two in zip(gradients(plain), gradients(again), strict=True):
        assert all(torch.equal(one[name], two[name]) for name in one)
        assert any(each.any() for each in one.values())
    assert all(torch.equal(each, before[name]) for name, each in again.named_buffers())


def test_no_precision_is_lost_to_a_mixed_one() -> None:
    model = small_model(FixedWeights(), dtype=torch.float32)
    look = Look(model, batch(torch.float32))
    exact = look.losses(look.batch)
    with torch.autocast("cpu", torch.bfloat16):
        assert torch.equal(look.losses(look.batch), exact)
        assert not torch.equal(model.tried(look.batch), exact)


def test_it_knows_what_has_labels_and_what_learns() -> None:
    model = small_model(FixedWeights())
    model.encoder.first.requires_grad_(False)  # type: ignore[union-attr]
    look = Look(model, batch())
    assert look.labelled(look.batch).tolist() == [True, False, True]
    assert list(look.shared) == ["encoder.last.weight", "encoder.last.bias"]
