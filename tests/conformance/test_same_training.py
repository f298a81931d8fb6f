"""What must not change a training does not change it, with every balancer."""

from __future__ import annotations

import warnings
from typing import Any

import pytest
import torch
from conformance.cases import CASES, Case
from conformance.training import SmallEncoder, largest_difference, small_model, train, weights
from torch import Tensor

from multitask.errors import InputError

# Where a gradient may pass the encoder by, which the strategy must not wait for.
SHARED = [case for case in CASES if case.level == "shared"]


def learnt(case: Case, encoder: SmallEncoder | None = None, **options: Any) -> dict[str, Tensor]:
    warnings.simplefilter("ignore")
    model = small_model(case.make(), encoder)
    train(model, steps=4, **options)
    return weights(model)


def seeded_encoder(**options: Any) -> SmallEncoder:
    torch.manual_seed(0)
    return SmallEncoder(**options)


@pytest.mark.parametrize("case", CASES, ids=str)
def test_activation_checkpointing_changes_nothing(case: Case) -> None:
    plain = learnt(case, seeded_encoder())
    assert largest_difference(plain, learnt(case, seeded_encoder(checkpointed=True))) == 0


@pytest.mark.parametrize("case", SHARED, ids=str)
def test_ddp_of_one_process_changes_nothing(case: Case) -> None:
    assert largest_difference(learnt(case), learnt(case, strategy="ddp")) < 1e-10


@pytest.mark.parametrize("case", CASES, ids=str)
def test_bfloat16_is_a_rounding_of_float32(case: Case) -> None:
    exact = learnt(case, precision="32-true")
    rounded = learnt(case, precision="bf16-mixed")
    before = weights(small_model(case.make()))
    moved, off = largest_difference(before, exact), largest_difference(exact, rounded)
    assert 0 < off < 0.2 * moved


@pytest.mark.parametrize("case", SHARED[:1], ids=str)
def test_checkpointing_that_hides_the_parameters_is_refused(
    case: Case, monkeypatch: pytest.MonkeyPatch
) -> None:
    checkpoint = torch.utils.checkpoint.checkpoint
    monkeypatch.setattr(
        "torch.utils.checkpoint.checkpoint",
        lambda function, image, **_: checkpoint(
            function, image.requires_grad_(), use_reentrant=True
        ),
    )
    with pytest.raises(InputError, match="use_reentrant=False"):
        learnt(case, seeded_encoder(checkpointed=True))
