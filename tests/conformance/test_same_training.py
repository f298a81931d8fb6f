"""What must not change a training does not change it, with every balancer."""

from __future__ import annotations

import shutil
import warnings
from copy import deepcopy
from functools import cache
from typing import Any

import pytest
import torch
from conformance.cases import CASES, OF_PASSES, Case, representatives
from conformance.table import REFUSED, WORKS, Record
from conformance.training import SmallEncoder, largest_difference, small_model, train, weights
from torch import Tensor, nn

from multitask import MultiTask
from multitask.encoders import Encoder
from multitask.encoders.low_rank_layers import merge_changes
from multitask.errors import InputError

# Where a gradient may pass the encoder by, which the strategy must not wait for.
SHARED = [case for case in representatives("checkpointed") if case.level == "shared"]
CHECKPOINTED = [case for case in representatives("checkpointed") if case not in OF_PASSES]


def made(
    case: Case, encoder: nn.Module | None = None, dtype: torch.dtype = torch.float64
) -> MultiTask:
    return small_model(
        case.make(), encoder, dtype, case.sharing, case.training_pass(), case.teaches
    )


def learnt(case: Case, model: MultiTask, **options: Any) -> dict[str, Tensor]:
    warnings.simplefilter("ignore")
    # The second batch has no labels of a task that the first has.
    train(model, steps=2, all_tasks=case.needs_all, **options)
    return weights(model)


def seeded_encoder(**options: Any) -> SmallEncoder:
    torch.manual_seed(0)
    return SmallEncoder(**options)


@cache
def plain(name: str) -> dict[str, Tensor]:
    """What every training below should learn."""
    (case,) = (each for each in CASES if str(each) == name)
    return learnt(case, made(case, seeded_encoder()))


# Attacks see batch normalisation's averages, which computing activations again moves twice.
@pytest.mark.parametrize("case", CHECKPOINTED, ids=str)
def test_activation_checkpointing_changes_nothing(case: Case, cell: Record) -> None:
    found = learnt(case, made(case, seeded_encoder(checkpointed=True)))
    assert largest_difference(plain(str(case)), found) == 0
    cell("checkpointed", case, WORKS)


@cache
def compiled() -> nn.Module:
    """One encoder for all trainings, because compiling takes long; to be filled with weights."""
    encoder = seeded_encoder().double()
    # In place, which leaves the parameters' names.
    encoder.compile(backend="aot_eager")
    return encoder


def freshly_compiled() -> nn.Module:
    encoder = compiled().requires_grad_(True).train()
    # A case of low rank has changed its layers.
    merge_changes(encoder)
    encoder.load_state_dict(seeded_encoder().state_dict())
    if encoder._compiled_call_impl is None:
        encoder.compile(backend="aot_eager")
    return encoder


@pytest.mark.parametrize("case", representatives("compiled"), ids=str)
def test_a_compiled_encoder_changes_nothing(case: Case, cell: Record) -> None:
    if case.level == "shared":
        for encoder in (freshly_compiled(), torch.compile(seeded_encoder())):
            with pytest.raises(InputError, match="set level: representation, or do not compile"):
                made(case, encoder)  # type: ignore[arg-type]
        cell("compiled", case, REFUSED)
        return
    found = learnt(case, made(case, freshly_compiled()))
    assert largest_difference(plain(str(case)), found) < 1e-10
    cell("compiled", case, WORKS)


AT_ONCE = {
    # No trial of what the processor can do, no processes that compile, no headers for later.
    "cpp.vec_isa_ok": False,
    "compile_threads": 1,
    "cpp_cache_precompile_headers": False,
}
"""Options of a compilation to machine code that is the only one."""


class SmallestEncoder(Encoder):
    """One layer, because a compiler of C++ takes seconds for each kernel.

    Behind the activation it needs none in the backward pass, only a product of matrices.
    """

    out_features = 6

    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Linear(16, 6, bias=False)

    def forward(self, image: Tensor) -> Tensor:
        return self.layer(image.flatten(1).tanh())


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("g++") is None, reason="torch.compile needs a C++ compiler")
def test_an_encoder_in_machine_code_changes_nothing() -> None:
    (case,) = (each for each in CASES if str(each) == "our Nash-representation")
    torch.manual_seed(0)
    encoder = SmallestEncoder().double()
    expected = learnt(case, made(case, deepcopy(encoder)))
    encoder.compile(backend="inductor", options=AT_ONCE)
    assert largest_difference(expected, learnt(case, made(case, encoder))) < 1e-10


@pytest.mark.parametrize("case", SHARED, ids=str)
def test_ddp_of_one_process_changes_nothing(case: Case) -> None:
    assert largest_difference(plain(str(case)), learnt(case, made(case), strategy="ddp")) < 1e-10


@pytest.mark.parametrize("case", CASES, ids=str)
def test_bfloat16_is_a_rounding_of_float32(case: Case, cell: Record) -> None:
    model = made(case, dtype=torch.float32)
    before, rounded = weights(model), learnt(case, model, precision="bf16-mixed")
    # Double precision is a thousand times as close to float32 as bfloat16 is.
    exact = plain(str(case))
    if case.name.startswith("GradDrop"):
        # It draws a number for each element, in another precision another one.
        exact = learnt(case, made(case, dtype=torch.float32), precision="32-true")
    moved, off = largest_difference(before, exact), largest_difference(exact, rounded)
    assert 1e-4 * moved < off < 0.2 * moved
    cell("bf16", case, WORKS)


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
        learnt(case, made(case, seeded_encoder(checkpointed=True)))
