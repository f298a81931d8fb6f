"""Text models of Hugging Face in training: frozen, fine-tuned, and by changes of low rank."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from shutil import rmtree
from typing import Any

import pytest
import torch
from conformance.training import largest_difference
from distributed.forked_processes import assert_two_equal_one
from lightning.pytorch.callbacks import ModelCheckpoint
from tiny_hugging_face import KINDS, VOCABULARY, save_model, texts
from tiny_reviews import TinyReviews, learnt, review_model, train
from torch import Tensor

from multitask import MultiTask
from multitask.callbacks import RandomState, Unfreezing
from multitask.encoders import HuggingFace, LowRank
from multitask.sharing import LowRankTasks

SILENT = {
    "bert": ("hidden_dropout_prob", "attention_probs_dropout_prob"),
    "gpt2": ("embd_pdrop", "resid_pdrop", "attn_pdrop"),
    "distilbert": ("dropout", "attention_dropout"),
    "xlnet": ("dropout",),
}
"""Settings of dropout, which draws in each process for itself."""


def encoder(kind: str, drops: bool = False) -> HuggingFace:
    torch.manual_seed(0)
    settings = {"model_type": kind, "vocab_size": VOCABULARY, **KINDS[kind]}
    settings |= {} if drops else dict.fromkeys(SILENT[kind], 0.0)
    return HuggingFace("none", pretrained=False, config=settings)


PLANS: dict[str, tuple[Callable[[], MultiTask], dict[str, Any]]] = {
    "fine-tuned": (lambda: review_model(encoder("bert")), {}),
    "partly unused": (lambda: review_model(encoder("xlnet")), {}),
    "frozen, then thawed": (
        lambda: review_model(encoder("distilbert")),
        {"parts": {"encoder.network.transformer.layer.1": 2}},
    ),
    "low rank": (lambda: review_model(LowRank(encoder("gpt2"), 2)), {}),
    "low rank of each task": (
        lambda: review_model(encoder("bert"), partial(LowRankTasks, rank=2)),
        {},
    ),
    "by length": (lambda: review_model(encoder("bert")), {"by_length": 2}),
}


def trained(plan: str, devices: int = 1, **options: Any) -> dict[str, Tensor]:
    make, settings = PLANS[plan]
    model, parts = make(), settings.get("parts")
    callbacks = [Unfreezing(["encoder"], parts)] if parts else []
    data = TinyReviews(by_length=settings.get("by_length"))
    strategy = "ddp" if devices > 1 else "auto"
    train(model, data=data, callbacks=callbacks, devices=devices, strategy=strategy, **options)
    return learnt(model)


def trained_in_all_ways(devices: int) -> dict[str, dict[str, Tensor]]:
    return {plan: trained(plan, devices) for plan in PLANS}


@pytest.mark.slow
def test_two_processes_learn_what_one_learns(tmp_path: Path) -> None:
    assert_two_equal_one(trained_in_all_ways, tmp_path, 1e-9)


@pytest.mark.parametrize("plan", PLANS)
def test_what_is_to_learn_learns(plan: str) -> None:
    before = learnt(PLANS[plan][0]())
    after = trained(plan)
    moved = {name for name in before if not torch.equal(before[name], after[name])}
    still = {each for each in before if each.startswith("encoder.")} - moved
    if plan == "fine-tuned":
        # Places of other token types than the first, of which there are none, are not among them.
        assert still == set()
    elif plan == "frozen, then thawed":
        assert moved
        assert {name for name in moved if name.startswith("encoder.")} == {
            name for name in before if ".layer.1." in name
        }
    elif plan == "low rank":
        assert {name for name in moved if name.startswith("encoder.")} == {
            name for name in before if ".changes." in name
        }


def test_stopped_and_resumed_equals_never_stopped(tmp_path: Path) -> None:
    def model() -> MultiTask:
        return review_model(encoder("bert", drops=True))

    middle = ModelCheckpoint(tmp_path, filename="middle", every_n_train_steps=2, save_top_k=-1)
    data = partial(TinyReviews, by_length=2)
    whole, resumed = model(), model()
    train(whole, data=data(), callbacks=[middle, RandomState()], enable_checkpointing=True)
    train(resumed, data=data(), callbacks=[RandomState()], ckpt_path=tmp_path / "middle.ckpt")
    assert largest_difference(learnt(whole), learnt(resumed)) == 0


@pytest.mark.parametrize("kind", ["bert", "t5"])
def test_a_checkpoint_carried_alone_predicts_the_same(kind: str, tmp_path: Path) -> None:
    folder = save_model(kind, tmp_path)
    model = review_model(LowRank(HuggingFace(str(folder)), 1))
    trainer = train(model, 2)
    trainer.save_checkpoint(tmp_path / "alone.ckpt")
    rmtree(folder)
    again = MultiTask.load_from_checkpoint(tmp_path / "alone.ckpt").eval()
    wanted, found = model.float().eval().predict(texts()), again.predict(texts())
    for name, each in wanted.items():
        torch.testing.assert_close(found[name].float(), each.float())
