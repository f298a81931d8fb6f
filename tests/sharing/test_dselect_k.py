"""DSelect-k: at most k experts for each task."""

from __future__ import annotations

from functools import partial
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.testing import assert_close

from multitask.encoders import Maps, Vector
from multitask.errors import InputError
from multitask.sharing import DSelectK
from multitask.sharing.selector_gates import selected, smooth_step

from .conftest import Make, Same, assert_hard_sharing, gate_gramian, learned, separate_gramian

TASKS = ["kind", "size", "place"]


def test_the_step_is_exact_at_its_ends_and_steepest_in_the_middle() -> None:
    values = torch.tensor([-1e30, -1.0, 0.0, 1.0, 1e30], dtype=torch.float64, requires_grad=True)
    found = smooth_step(values, 2.0)
    assert found.tolist() == [0, 0, 0.5, 1, 1]
    found.sum().backward()
    assert values.grad is not None
    assert values.grad.tolist() == [0, 0, 0.75, 0, 0]
    # The paper's formula, between them.
    t = torch.linspace(-0.99, 0.99, 9, dtype=torch.float64)
    assert_close(smooth_step(t, 2.0), -2 * t**3 / 2**3 + 3 * t / (2 * 2) + 0.5)


def test_a_selector_ends_at_one_expert() -> None:
    # The bits of places 0 to 4, the lowest first.
    codes = torch.tensor([[n >> bit & 1 for bit in range(3)] for n in range(5)]) * 2.0 - 1
    assert torch.equal(selected(codes, 5, 1.0), torch.eye(5))
    half = selected(torch.zeros(2, 3), 8, 1.0)
    assert half.unique().tolist() == [1 / 8]


@pytest.mark.parametrize(("experts", "per_example"), [(4, False), (5, False), (4, True)])
def test_parameter_counts(model: Make, experts: int, per_example: bool) -> None:
    found = model(partial(DSelectK, experts=experts, k=2, width=5, per_example=per_example))
    features, tasks, width, bits = 6, 3, 5, (experts - 1).bit_length()
    added = [each.numel() for each in found.encoder.parameters()]
    hard = [each.numel() for each in model().encoder.parameters()]
    assert sum(added) == sum(hard) + experts * (features + 1) * width
    own = sum(each.numel() for each in found.sharing.parameters())
    assert own == tasks * 2 * (1 + bits) * (features + 1 if per_example else 1)


def test_one_expert_that_is_the_identity_is_hard_sharing(
    model: Make, batch: dict[str, Tensor]
) -> None:
    found = model(partial(DSelectK, experts=1, k=1, width=6, expert=Same))
    assert_hard_sharing(found, model(), batch)
    assert float(found.sharing.penalty()) == 0  # type: ignore[arg-type]


def test_at_most_k_experts_are_mixed_once_codes_are_at_their_ends() -> None:
    sharing = DSelectK(Vector(6), TASKS, experts=8, k=2, width=4)
    gates: Any = sharing.gates
    gates["size"].codes.data = torch.tensor([[0.6, -0.6, -0.6], [0.6, 0.6, 0.6]])
    gates["size"].weights.data = torch.tensor([0.2, 0.8]).log()
    outputs = list(torch.randn(8, 5, 4))
    assert_close(sharing({"size": outputs})["size"], 0.2 * outputs[1] + 0.8 * outputs[7])
    mixing = sharing.mixing()["experts"]
    assert_close(mixing.shares[1], torch.tensor([0, 0.2, 0, 0, 0, 0, 0, 0.8]))
    assert mixing.parts[7] == "expert 8"


def test_the_penalty_is_the_entropy_and_what_lies_beyond_the_experts() -> None:
    sharing = DSelectK(Vector(6), ["only"], experts=3, k=1, entropy=0.5)
    gates: Any = sharing.gates
    gates["only"].codes.data.zero_()
    entropy = -3 * 0.25 * torch.tensor(0.25).log()
    penalty = sharing.penalty()
    assert penalty is not None
    assert_close(penalty, 0.5 * entropy + 1 / 0.75 - 1)
    gates["only"].codes.data = torch.tensor([[-0.5, 0.5]])
    assert float(sharing.penalty()) == 0  # type: ignore[arg-type]
    # No number of a power of 2 needs the second part.
    assert float(DSelectK(Vector(6), TASKS, experts=4, entropy=0).penalty()) == 0  # type: ignore[arg-type]


def test_the_penalty_drives_selectors_to_one_expert_each_that_exists() -> None:
    torch.manual_seed(0)
    sharing = DSelectK(Vector(6), TASKS, experts=5, k=2, entropy=1)
    rate = torch.optim.Adam(sharing.parameters(), lr=0.02)
    for _ in range(120):
        rate.zero_grad()
        penalty = sharing.penalty()
        assert penalty is not None
        penalty.backward()
        rate.step()
    gates: Any = sharing.gates
    chosen = torch.cat([gates[task].selectors() for task in TASKS])
    assert_close(chosen.max(1).values, torch.ones(6), atol=0.01, rtol=0)


@pytest.mark.parametrize(("experts", "per_example"), [(5, False), (4, True)])
def test_the_gate_sees_the_gradients_of_separate_passes(
    model: Make, batch: dict[str, Tensor], experts: int, per_example: bool
) -> None:
    scheme = partial(DSelectK, experts=experts, width=5, gamma=5.0, per_example=per_example)
    found = learned(model(scheme))
    assert_close(gate_gramian(found, batch), separate_gramian(found, batch), atol=1e-14, rtol=1e-10)
    assert all(each.grad is not None for each in found.parameters())
    # The representation is a part of what is compared only if gates read it.
    assert len(found.encoder(batch["image"])) == experts + per_example


def test_each_sample_chooses_its_own() -> None:
    sharing = DSelectK(Vector(1), ["only"], experts=2, k=1, width=3, per_example=True)
    gates: Any = sharing.gates
    gates["only"].codes.weight.data.fill_(1)
    gates["only"].codes.bias.data.zero_()
    z, one, two = torch.tensor([[-1.0], [1.0]]), torch.zeros(2, 3), torch.ones(2, 3)
    assert sharing({"only": [z, one, two]})["only"].tolist() == [[0, 0, 0], [1, 1, 1]]
    assert sharing.mixing()["experts"].shares.tolist() == [[0.5, 0.5]]
    assert sharing.penalty() is None


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"k": 5}, "experts is 4, k 5 and width 64; a task chooses between 1 and all"),
        ({"k": 0}, "k 0"),
        ({"experts": 0, "k": 0}, "experts is 0"),
        ({"width": 0}, "width 0"),
        ({"gamma": 0.0}, "gamma is 0.0; give the width of the smooth step, above 0"),
        ({"gamma": float("nan")}, "gamma is nan"),
        ({"entropy": -1.0}, "entropy is -1.0; give a factor of at least 0"),
        ({"per_example": True, "entropy": 0.1}, "gates per example have no penalty"),
        ({"per_example": True, "experts": 6}, "with per_example, give a power of 2"),
        ({"per_example": True, "experts": 1, "k": 1}, "with per_example, give a power of 2"),
    ],
)
def test_settings_that_cannot_be(options: dict[str, Any], sentence: str) -> None:
    with pytest.raises(InputError, match=sentence):
        DSelectK(Vector(6), TASKS, **options)


def test_maps_are_refused() -> None:
    with pytest.raises(InputError, match="DSelectK mixes vectors, but the encoder returns maps"):
        DSelectK(Maps((4,), (2,)), TASKS)
