"""Every balancing method, at every level at which it works."""

from __future__ import annotations

import os
import warnings
from collections.abc import Callable
from copy import deepcopy
from dataclasses import dataclass
from functools import cache, partial
from typing import Any

import torch
from conformance.masked_vector import MaskedVector
from conformance.other_inputs import OnSeveral, OnText
from torch import nn
from torchjd import aggregation as torchjd
from torchjd.scalarization import DWA, FAMO, IMTLL, UW

from multitask import balancing
from multitask.balancing import Balancer, GradientBalancer, Scalarized, weightings
from multitask.balancing.memory import Memory
from multitask.encoders import Encoder, LowRank
from multitask.passes import AdversarialPass, Pass, PlainPass, TradesPass
from multitask.robustness import Attack
from multitask.sharing import (
    NDDR,
    PLE,
    Adapters,
    CrossStitch,
    DSelectK,
    FiLM,
    HardSharing,
    LearnedBranching,
    LowRankTasks,
    MMoE,
    SharingCallable,
    Sluice,
    SoftSharing,
)

TASKS = 3
BOTH = ("representation", "shared")
PREFERENCE = torch.tensor([0.5, 0.2, 0.3], dtype=torch.float64)


@dataclass(frozen=True)
class Case:
    """A balancer to train with.

    Args:
        name: for the test's name and the table.
        level: where it compares gradients, empty if it does not.
        make: makes a new one.
        needs_all: whether it cannot go on where a task has no label in a batch.
        sharing: makes the sharing scheme; hard sharing if not given.
        training_pass: makes the way a batch goes through the model; once as it is if not given.
        teaches: how much each task teaches the encoder.
    """

    name: str
    level: str
    make: Callable[[], Balancer]
    needs_all: bool = False
    sharing: SharingCallable | None = None
    training_pass: Callable[[], Pass] = PlainPass
    teaches: tuple[float, float, float] = (1, 1, 1)

    def __str__(self) -> str:
        return f"{self.name}-{self.level}" if self.level else self.name


METHODS: dict[str, tuple[tuple[str, ...], Callable[[], Any]]] = {
    "Sum": (BOTH, torchjd.Sum),
    "Mean": (BOTH, torchjd.Mean),
    "Constant": (BOTH, lambda: torchjd.Constant(PREFERENCE)),
    "Random": (BOTH, torchjd.Random),
    "PCGrad": (BOTH, torchjd.PCGrad),
    "GradVac": (BOTH, torchjd.GradVac),
    "MGDA": (BOTH, torchjd.MGDA),
    "UPGrad": (BOTH, torchjd.UPGrad),
    "UPGrad with preference": (BOTH, lambda: torchjd.UPGrad(PREFERENCE)),
    "DualProj": (BOTH, torchjd.DualProj),
    "CAGrad": (BOTH, lambda: torchjd.CAGrad(0.4)),
    "IMTLG": (BOTH, torchjd.IMTLG),
    "AlignedMTL": (BOTH, torchjd.AlignedMTL),
    "FairGrad": (BOTH, lambda: torchjd.FairGrad(2.0)),
    "ConFIG": (BOTH, torchjd.ConFIG),
    "PCD": (BOTH, torchjd.PCD),
    "CRMOGM": (BOTH, lambda: torchjd.CRMOGMWeighting(torchjd.MGDAWeighting())),
    "ExcessMTL": (("shared",), torchjd.ExcessMTL),
    "MoDo": (("shared",), torchjd.MoDoWeighting),
    "SDMGrad": (("shared",), torchjd.SDMGradWeighting),
    "NashMTL": (BOTH, lambda: torchjd.NashMTL(TASKS, update_weights_every=2)),
    "Krum": (BOTH, lambda: torchjd.Krum(0, 2)),
    "TrimmedMean": (BOTH, lambda: torchjd.TrimmedMean(1)),
    "our Nash": (BOTH, weightings.Nash),
    "our FairGrad": (BOTH, weightings.FairGrad),
    "our CAGrad": (BOTH, weightings.CAGrad),
    "our MGDA": (BOTH, weightings.MGDA),
    "our UPGrad": (BOTH, weightings.UPGrad),
    "our DualProj": (BOTH, weightings.DualProj),
    "our IMTLG": (BOTH, weightings.IMTLG),
    "our AlignedMTL": (BOTH, weightings.AlignedMTL),
    "our PCGrad": (BOTH, weightings.PCGrad),
    "our GradVac": (BOTH, weightings.GradVac),
    "GradDrop": (("shared",), torchjd.GradDrop),
    "GradDrop of activations": (BOTH, balancing.GradDrop),
    "MoCo": (("shared",), balancing.MoCo),
}
NEED_ALL = ("NashMTL", "Krum", "TrimmedMean")


def _gradient(make: Callable[[], Any], level: str, **options: Any) -> Callable[[], Balancer]:
    # Each balancer has its own, learnt parameters of a balancing of losses included.
    return lambda: GradientBalancer(make(), level=level, **deepcopy(options))  # type: ignore[arg-type]


OF_METHODS = [
    Case(name, level, _gradient(make, level), name in NEED_ALL)
    for name, (levels, make) in METHODS.items()
    for level in levels
]
OTHERS = [
    Case("FixedWeights", "", balancing.FixedWeights),
    Case("UW", "", lambda: Scalarized(UW(TASKS))),
    Case("IMTL-L", "", lambda: Scalarized(IMTLL(TASKS))),
    Case("DWA", "", lambda: Scalarized(DWA())),
    Case("FAMO", "", lambda: Scalarized(FAMO(TASKS))),
    Case("ScaleInvariant", "", lambda: Scalarized(balancing.ScaleInvariant())),
    Case("GradNorm", "representation", balancing.GradNorm),
    Case("GradNorm", "shared", lambda: balancing.GradNorm(level="shared")),
    Case("AutoLambda", "", lambda: balancing.AutoLambda(["kind", "place"])),
    Case("PCGrad every 2", "shared", _gradient(torchjd.PCGrad, "shared", every=2)),
    *[
        Case(
            "GradientSimilarity",
            level,
            _gradient(partial(weightings.GradientSimilarity, ["kind"]), level),
        )
        for level in BOTH
    ],
    Case("GradVac every 2", "shared", _gradient(torchjd.GradVac, "shared", every=2)),
    Case(
        "IMTL",
        "representation",
        _gradient(torchjd.IMTLG, "representation", losses=Scalarized(IMTLL(TASKS))),
    ),
    Case(
        "DB-MTL",
        "shared",
        _gradient(balancing.DBMTL, "shared", losses=Scalarized(balancing.ScaleInvariant())),
    ),
]


class OnLowRank(HardSharing):
    """Hard sharing of an encoder of low rank, which is made here so that a case says all of it."""

    def trunk(self, encoder: Encoder) -> nn.Module:
        within = getattr(encoder, "_orig_mod", encoder)
        is_compiled = encoder is not within or within._compiled_call_impl is not None
        within._compiled_call_impl = None
        made = LowRank(within, rank=2)
        if is_compiled:
            made.compile(backend="aot_eager")
        return made


LOW_RANK_TASKS = partial(LowRankTasks, rank=2)
MMOE = partial(MMoE, experts=2, width=5)
CGC = partial(MMoE, experts=2, own=1, width=5)
OF_COLUMNS: dict[str, SharingCallable] = {
    "Sluice": Sluice,
    "NDDR": NDDR,
    "Learned Branching": LearnedBranching,
}
OF_EXPERTS_AND_PARTS: dict[str, SharingCallable] = {
    "PLE": partial(PLE, experts=2, width=5),
    "DSelect-k": partial(DSelectK, experts=3, width=5),
    "MTAN": MaskedVector,
    "Adapters": partial(Adapters, width=3),
    "FiLM": FiLM,
}
OF_SHARING = [
    Case("MMoE, MGDA", BOTH[0], _gradient(weightings.MGDA, BOTH[0]), sharing=MMOE),
    Case("MMoE, UPGrad", BOTH[1], _gradient(weightings.UPGrad, BOTH[1]), sharing=MMOE),
    Case("CGC, IMTLG", BOTH[0], _gradient(weightings.IMTLG, BOTH[0]), sharing=CGC),
    Case("Cross-Stitch, MGDA", BOTH[0], _gradient(weightings.MGDA, BOTH[0]), sharing=CrossStitch),
    Case(
        "Cross-Stitch, UPGrad", BOTH[1], _gradient(weightings.UPGrad, BOTH[1]), sharing=CrossStitch
    ),
    *(
        Case(f"{name}, {method.__name__}", level, _gradient(method, level), sharing=sharing)
        for name, sharing in (OF_COLUMNS | OF_EXPERTS_AND_PARTS).items()
        for method, level in zip((weightings.MGDA, weightings.UPGrad), BOTH, strict=True)
    ),
    Case("Soft Sharing, IMTL-L", "", lambda: Scalarized(IMTLL(TASKS)), sharing=SoftSharing),
    Case(
        "DSelect-k per example, MGDA",
        BOTH[0],
        _gradient(weightings.MGDA, BOTH[0]),
        sharing=partial(DSelectK, experts=4, width=5, per_example=True),
    ),
    Case("LowRank, MGDA", BOTH[0], _gradient(weightings.MGDA, BOTH[0]), sharing=OnLowRank),
    Case("LowRank, UPGrad", BOTH[1], _gradient(weightings.UPGrad, BOTH[1]), sharing=OnLowRank),
    Case("LowRankTasks", "", balancing.FixedWeights, sharing=LOW_RANK_TASKS),
    Case(
        "LowRankTasks, MGDA", BOTH[1], _gradient(weightings.MGDA, BOTH[1]), sharing=LOW_RANK_TASKS
    ),
]
OF_INPUTS = [
    Case("TextTransformer, IMTLG", BOTH[0], _gradient(weightings.IMTLG, BOTH[0]), sharing=OnText),
    Case("TextTransformer, UPGrad", BOTH[1], _gradient(weightings.UPGrad, BOTH[1]), sharing=OnText),
    Case("Several, MGDA", BOTH[0], _gradient(weightings.MGDA, BOTH[0]), sharing=OnSeveral),
    Case("Several, UPGrad", BOTH[1], _gradient(weightings.UPGrad, BOTH[1]), sharing=OnSeveral),
]
OF_PASSES = [
    Case(
        "Adversarial, UPGrad",
        BOTH[1],
        _gradient(weightings.UPGrad, BOTH[1]),
        training_pass=lambda: AdversarialPass(Attack(0.2, steps=2), share=0.5),
    ),
    Case(
        "TRADES, MGDA",
        BOTH[0],
        _gradient(weightings.MGDA, BOTH[0]),
        training_pass=lambda: TradesPass(Attack(0.2, steps=2), from_step=1),
    ),
]
OF_TEACHING = [
    Case("FixedWeights, teaches", "", balancing.FixedWeights, teaches=(0, 1, 0.5)),
    Case("MGDA, teaches", BOTH[1], _gradient(weightings.MGDA, BOTH[1]), teaches=(0, 1, 0.5)),
]
CASES = [*OF_METHODS, *OTHERS, *OF_SHARING, *OF_INPUTS, *OF_PASSES, *OF_TEACHING]


WRITES_TABLE = "WRITE_TABLE" in os.environ


@cache
def representatives(way: str = "DDP") -> list[Case]:
    """The cases that are trained in a way: each, if the table is written.

    Else some, which have every mechanism that any case has. What a method remembers and which
    numbers it draws is compared in the plainest way, with DDP: nothing else touches it.
    """
    if WRITES_TABLE:
        return CASES
    chosen: list[Case] = []
    found: set[Any] = set()
    # The first methods do not look at the gradients, so they would not notice wrong ones.
    for case in [*reversed(OF_METHODS), *CASES]:
        if not (mechanisms := _mechanisms(case, with_state=way == "DDP")) <= found:
            chosen.append(case)
            found |= mechanisms
    return chosen


def _mechanisms(case: Case, with_state: bool) -> set[Any]:
    """What matters where processes train together: all but the arithmetic of its weights."""
    balancer = case.make()
    kind: list[Any] = [case.level, type(balancer)]
    if isinstance(balancer, Scalarized):
        kind.append(type(balancer.scalarizer))
    if isinstance(balancer, GradientBalancer):
        traits = balancer.traits
        kind += [traits.gives_direction, traits.needs_jacobian]
        kind += [traits.batches, balancer.every > 1, type(balancer.losses)]
        if with_state:
            kind += [traits.remembers_gradients, bool(Memory(balancer.method).read())]
            kind += [_draws(balancer), traits.draws_elements]
    # Each of its samples is handed random numbers by a Trainer's callback.
    level = case.level if case.sharing is OnSeveral else ""
    return {
        tuple(kind),
        (case.sharing, balancer.weighs_gradients, level),
        type(case.training_pass()),
        (case.teaches, balancer.weighs_gradients),
    }


def _draws(balancer: GradientBalancer) -> bool:
    """Whether its method uses random numbers."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        balancer.check(["kind", "size", "place"])
    with torch.random.fork_rng(devices=[]):
        before = torch.get_rng_state()
        balancer.method(torch.eye(TASKS, dtype=torch.float64))
        return not torch.equal(before, torch.get_rng_state())


WITHOUT_REFERENCE = [
    case
    for case in CASES
    # Independent batches are tested by themselves; activations are ours alone.
    if case in OTHERS
    or case in OF_SHARING
    or case in OF_INPUTS
    or case in OF_PASSES
    or case in OF_TEACHING
    or case.name in ("MoDo", "SDMGrad", "GradDrop of activations", "MoCo")
]
"""Those that cannot be compared with an aggregation of separate gradients."""
