"""Frozen parts stay as they are to the bit, learn from their step on, and survive a resume."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import torch
from conformance.training import SmallEncoder, largest_difference, small_model, train, weights
from lightning.pytorch import Callback, LightningModule, Trainer
from lightning.pytorch.callbacks import (
    BackboneFinetuning,
    BaseFinetuning,
    EMAWeightAveraging,
    ModelCheckpoint,
    StochasticWeightAveraging,
)
from tiny_training import TinyData, tiny_model
from torch import Tensor
from torchjd.scalarization import UW

from multitask import MultiTask
from multitask.balancing import FixedWeights, GradientBalancer, GradNorm, MoCo, Scalarized
from multitask.balancing.weightings import MGDA, GradVac, UPGrad
from multitask.callbacks import TaskAffinity, Unfreezing, WeightAverage
from multitask.encoders import MLP
from multitask.errors import InputError
from multitask.passes import AdversarialPass, TradesPass
from multitask.robustness import Attack
from multitask.runs.lightning_callbacks import check_callbacks
from multitask.runs.preflight import check_training
from multitask.sharing import CrossStitch, MMoE
from multitask.training.sharding import Sharded

FROZEN = partial(Unfreezing, ["encoder"])
PART_BY_PART = partial(Unfreezing, ["encoder"], {"encoder.last": 2, "encoder": 4})
AT_ONCE = partial(Unfreezing, ["encoder"], {"encoder": 2})
SHARED = partial(GradientBalancer, level="shared")
pytestmark = pytest.mark.filterwarnings("ignore")


def plain(**options: Any) -> MultiTask:
    return small_model(FixedWeights(), **options)


def tensors(model: MultiTask, part: str = "") -> dict[str, Tensor]:
    """Copies of the parameters and buffers of a part."""
    kept = [*model.named_parameters(), *model.named_buffers()]
    return {name: each.detach().clone() for name, each in kept if name.startswith(part)}


def changed(before: dict[str, Tensor], after: dict[str, Tensor]) -> set[str]:
    return {name for name, each in after.items() if not torch.equal(before[name], each)}


class IntoTraining(Callback):
    """Puts all of the model into training mode, as a library may after an evaluation."""

    def on_train_batch_end(self, trainer: Trainer, pl_module: Any, *_: Any) -> None:
        pl_module.train()


def attacked(kind: type[AdversarialPass | TradesPass]) -> MultiTask:
    return plain(training_pass=kind(Attack(0.1, steps=1)))


@pytest.mark.parametrize(
    ("make", "part", "callbacks", "options"),
    [
        (plain, "encoder", [], {"limit_val_batches": 1}),
        (plain, "encoder", [IntoTraining()], {}),
        (plain, "encoder.first", [], {"accumulate_grad_batches": 2, "gradient_clip_val": 0.1}),
        (plain, "encoder", [WeightAverage(0.5, refresh=1)], {"limit_val_batches": 1}),
        (plain, "encoder", [EMAWeightAveraging(decay=0.5)], {}),
        (partial(attacked, AdversarialPass), "encoder", [], {}),
        (partial(attacked, TradesPass), "encoder", [], {}),
        (partial(plain, dtype=torch.float32), "encoder", [], {"precision": "bf16-mixed"}),
        (partial(plain, sharing=CrossStitch), "encoder.columns", [], {}),
        (
            lambda: small_model(GradientBalancer(MGDA()), sharing=partial(MMoE, width=4)),
            *("encoder.encoder", [], {}),
        ),
    ],
)
def test_what_is_frozen_stays_the_same_to_the_bit(
    make: Callable[[], MultiTask], part: str, callbacks: list[Callback], options: dict[str, Any]
) -> None:
    model = make()
    before = tensors(model)
    train(model, 3, callbacks=[*callbacks, Unfreezing([part])], **options)
    moved = changed(before, tensors(model))
    assert not {name for name in moved if name.startswith(f"{part}.")}
    assert any(name.startswith("heads.") for name in moved)


class Seen(Callback):
    """Keeps which parts have changed after each step."""

    def __init__(self) -> None:
        self.before: dict[str, Tensor] = {}
        self.after: list[set[str]] = []

    def on_train_batch_start(self, trainer: Trainer, pl_module: Any, *_: Any) -> None:
        self.before = tensors(pl_module)

    def on_train_batch_end(self, trainer: Trainer, pl_module: Any, *_: Any) -> None:
        moved = changed(self.before, tensors(pl_module))
        self.after.append({".".join(name.split(".")[:2]) for name in moved} & PARTS)


PARTS = {"encoder.first", "encoder.last", "heads.kind", "heads.place"}


@pytest.mark.parametrize(
    ("plan", "learns"),
    [
        # The longest name counts.
        (PART_BY_PART(), {"encoder.first": 4, "encoder.last": 2, "heads.place": 0}),
        (
            Unfreezing(["encoder", "encoder.first", "heads.place"], {"encoder": 3}),
            {"encoder.first": 9, "encoder.last": 3, "heads.place": 9},
        ),
        (
            Unfreezing(["encoder"], {"encoder": 1}, unit="epochs"),
            {"encoder.first": 3, "encoder.last": 3, "heads.place": 0},
        ),
        (Unfreezing(["encoder"], {"encoder": 0}), {"encoder.first": 0, "heads.place": 0}),
    ],
)
def test_parts_learn_from_their_step_on(plan: Unfreezing, learns: dict[str, int]) -> None:
    seen = Seen()
    train(plain(), 5, callbacks=[seen, plan])
    for part, start in learns.items():
        assert [part in each for each in seen.after] == [step >= start for step in range(5)], part


def test_what_a_person_put_into_evaluation_mode_stays_there() -> None:
    model, normalisation = plain(), "encoder.first.2."
    model.encoder.first[2].eval()  # type: ignore[union-attr, index]
    before = tensors(model, normalisation)
    train(model, 2, callbacks=[Unfreezing(["encoder"], {"encoder": 1})])
    moved = changed(before, tensors(model, normalisation))
    assert moved == {f"{normalisation}weight", f"{normalisation}bias"}


def test_steps_are_those_of_the_optimizer() -> None:
    seen = Seen()
    train(plain(), 3, callbacks=[seen, AT_ONCE()], accumulate_grad_batches=2)
    # Of three batches in an epoch, two make a step and the last another.
    assert ["encoder.last" in each for each in seen.after] == [False] * 4 + [True]


def test_a_training_says_what_learns(capsys: pytest.CaptureFixture[str]) -> None:
    train(plain(), 5, callbacks=[PART_BY_PART()])
    assert capsys.readouterr().out.splitlines() == [
        "Frozen: encoder until step 4, encoder.last until step 2; 42 of 248 parameters learn",
        "Step 2: encoder.last learns from here; 96 of 248 parameters learn",
        "Step 4: encoder learns from here; 248 of 248 parameters learn",
    ]


@pytest.mark.parametrize(
    ("balancer", "plan"),
    [
        (FixedWeights, PART_BY_PART),
        (lambda: Scalarized(UW(3)), PART_BY_PART),
        (GradNorm, PART_BY_PART),
        (lambda: GradientBalancer(GradVac()), PART_BY_PART),
        (lambda: SHARED(GradVac()), PART_BY_PART),
        (lambda: SHARED(MoCo()), AT_ONCE),
    ],
)
def test_resumed_before_at_and_after_a_switch_equals_never_stopped(
    balancer: Callable[[], Any], plan: Callable[[], Unfreezing], tmp_path: Path
) -> None:
    whole = small_model(balancer())
    every = ModelCheckpoint(tmp_path, "{step}", every_n_train_steps=1, save_top_k=-1)
    train(whole, 5, callbacks=[plan(), every], enable_checkpointing=True)
    for step in (1, 2, 3, 4):
        resumed = small_model(balancer())
        train(resumed, 5, tmp_path / f"step={step}.ckpt", callbacks=[plan()])
        assert largest_difference(tensors(whole), tensors(resumed)) == 0, step


def test_a_balancer_of_gradients_begins_when_the_encoder_does() -> None:
    model = small_model(GradientBalancer(UPGrad()))
    train(model, 5, callbacks=[AT_ONCE()])
    assert model.balancer.batches == 3
    assert not torch.equal(model.balancer.weights, torch.ones(3).double())


def test_the_model_is_left_as_it_was() -> None:
    encoder = SmallEncoder()
    encoder.last.bias.requires_grad_(False)
    model = plain(encoder=encoder)
    before = tensors(model)
    train(model, 3, callbacks=[AT_ONCE()])
    assert "encoder.last.bias" not in changed(before, tensors(model))
    assert not encoder.last.bias.requires_grad
    assert encoder.last.weight.requires_grad
    train(model, 3, callbacks=[FROZEN()])
    before = tensors(model)
    train(model, 1)
    assert "encoder.last.weight" in changed(before, tensors(model))

    class Fails(Callback):
        def on_train_batch_end(self, *_: Any) -> None:
            raise ValueError("failed")

    with pytest.raises(ValueError, match="failed"):
        train(model, 1, callbacks=[FROZEN(), Fails()])
    assert encoder.last.weight.requires_grad
    assert encoder.first.training


def test_each_phase_of_a_long_plan_is_compiled() -> None:
    model = tiny_model(encoder=MLP(16, hidden=[], out_features=4))
    names = [name for name, _ in model.named_parameters() if name.startswith("encoder")]
    plan = Unfreezing(["encoder"], {name: step for step, name in enumerate(names, 1)})
    compiled: list[Any] = []

    def backend(graph: Any, inputs: Any) -> Any:
        compiled.append(graph)
        return graph.forward

    model.encoder.compile(backend=backend, dynamic=False)
    # As if the plan were longer than the number of graphs that torch keeps.
    with torch._dynamo.config.patch(recompile_limit=2):
        trainer = Trainer(**QUIET, max_steps=len(names) + 1, callbacks=[plan])
        trainer.fit(model, TinyData(batch_size=4))
    assert len(compiled) == len(names) + 1 > 3
    torch.compiler.reset()


QUIET: dict[str, Any] = {
    "accelerator": "cpu",
    "devices": 1,
    "logger": False,
    "enable_checkpointing": False,
    "enable_progress_bar": False,
    "enable_model_summary": False,
    "limit_val_batches": 0,
}


def test_affinity_is_looked_at_once_the_encoder_learns() -> None:
    affinity = TaskAffinity(every=1)
    train(plain(), 5, callbacks=[affinity, AT_ONCE()])
    looks = affinity.state_dict()["looks"]
    assert looks.max() == 3


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ((["encoder"], {"encoder": -1}), "until of 'encoder' is -1; give a whole number of at"),
        ((["encoder"], {"encoder": 1.5}), "until of 'encoder' is 1.5"),
        ((["encoder.last"], {"encoder": 3}), "'encoder', which is not in frozen; did you mean"),
        ((["encoder"], {"heads": 3}), "'heads', which is not in frozen; choose from 'encoder'; ad"),
        (("encoder",), "frozen is 'encoder'; give a list of parts"),
        (([],), "give a list of parts"),
        ((["encoder"], {"encoder": 3}, "days"), "unit is 'days'; choose steps or epochs"),
    ],
)
def test_arguments_that_cannot_be_are_refused(arguments: Any, sentence: str) -> None:
    with pytest.raises(InputError, match=sentence):
        Unfreezing(*arguments)


BOTH = partial(Unfreezing, ["encoder", "heads"])


@pytest.mark.parametrize(
    ("make", "callbacks", "sentence"),
    [
        (plain, [Unfreezing(["encoder.lst"])], "no part 'encoder.lst'; did you mean 'encoder.las"),
        (plain, [Unfreezing(["balancer"])], "no part 'balancer'; its parts start with encoder, he"),
        (plain, [Unfreezing(["encoder"], {"encoder": 5})], "until 5, but training lasts 5 steps"),
        (
            plain,
            [Unfreezing(["encoder"], {"encoder": 2}, "epochs")],
            "until 2, but training lasts 2 epochs",
        ),
        (plain, [BOTH()], "nothing is left to learn at the beginning"),
        (plain, [BOTH({"heads": 3})], "nothing is left to learn at the beginning"),
        (plain, [FROZEN(), AT_ONCE()], "Unfreezing is given twice"),
        (
            plain,
            [FROZEN(), StochasticWeightAveraging(0.1)],
            "StochasticWeightAveraging recomputes the statistics",
        ),
        (plain, [TaskAffinity(), FROZEN()], "tries steps of the encoder, which is frozen"),
        (
            lambda: small_model(GradientBalancer(MGDA())),
            [FROZEN()],
            "the balancer GradientBalancer weights the tasks' gradients in the encoder, which "
            "stays",
        ),
        (
            lambda: small_model(SHARED(MGDA(), parameters="last")),
            [Unfreezing(["encoder.last"], {"encoder.last": 3})],
            "gradients of 'encoder.last', which is still frozen at step 0",
        ),
        (lambda: small_model(SHARED(MoCo())), [PART_BY_PART()], "MoCo remembers gradients"),
    ],
)
def test_plans_that_cannot_be_carried_out_are_refused(
    make: Callable[[], MultiTask], callbacks: list[Callback], sentence: str
) -> None:
    with pytest.raises(InputError, match=sentence):
        train(make(), 5, callbacks=callbacks)


def test_plans_are_refused_before_there_is_a_run() -> None:
    model, data = tiny_model(), TinyData()
    data.setup()
    for callbacks, options, sentence in refused():
        trainer = Trainer(**QUIET | {"max_epochs": 1} | options, callbacks=list(callbacks))
        with pytest.raises(InputError, match=sentence):
            check_training(callbacks, model, data, trainer)


def refused() -> Iterator[tuple[list[Callback], dict[str, Any], str]]:
    yield [Unfreezing(["encoder"], {"encoder": 400})], {}, "until 400, but training lasts 3 steps"
    yield [TaskAffinity(), FROZEN()], {}, "which is frozen"
    yield [FROZEN()], {"strategy": Sharded(), "accelerator": "cpu"}, "use the ddp strategy"


def test_lightnings_own_finetuning_names_ours() -> None:
    class Thaw(BaseFinetuning):
        def freeze_before_training(self, pl_module: LightningModule) -> None:
            """Nothing."""

    for callback in (BackboneFinetuning(), Thaw()):
        with pytest.raises(InputError, match=r"use multitask\.callbacks\.Unfreezing"):
            check_callbacks([callback], TinyData(), Trainer(**QUIET))


def test_the_weights_of_a_plan_that_has_thawed_all_are_those_of_none() -> None:
    one, other = plain(), plain()
    train(one, 3)
    train(other, 3, callbacks=[Unfreezing(["encoder"], {"encoder": 0})])
    assert largest_difference(weights(one), weights(other)) == 0
