"""Meta-learning passes: what they are equal to, what they leave alone, and what they refuse."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import torch
from lightning.pytorch import LightningDataModule
from lightning.pytorch.callbacks import ModelCheckpoint
from tiny_episodes import episode_model, tiny_episodes
from torch import Tensor
from torch.nn.functional import cross_entropy
from torchjd.scalarization import FAMO

from multitask import MultiTask
from multitask.balancing import GradientBalancer, Scalarized
from multitask.balancing.weightings import PCGrad
from multitask.data.episodes.entries import all_of, queries_of, split_episodes, support_of
from multitask.errors import InputError
from multitask.passes import ANIL, FOMAML, Pass, PlainPass, Reptile
from multitask.passes.inner_steps import Parts
from multitask.sharing import MMoE
from multitask.tasks import Classification
from multitask.tasks.output import Output

pytestmark = pytest.mark.filterwarnings("ignore")
Make = Callable[..., Any]
Batch = dict[str, Tensor]


class Everything(PlainPass):
    """Joint training on all samples of an episode, those of its support too."""

    def forward(self, model: MultiTask, batch: Batch) -> tuple[dict[str, Output], Batch]:
        return super().forward(model, all_of(batch))


class Asked(PlainPass):
    """Joint training on the queries."""

    def forward(self, model: MultiTask, batch: Batch) -> tuple[dict[str, Output], Batch]:
        return super().forward(model, queries_of(batch))


def learned(
    trainer: Make, made: Pass, data: LightningDataModule | None = None, **model: Any
) -> dict[str, Tensor]:
    """All parameters after a training."""
    trained = episode_model(training_pass=made, **model)
    trainer().fit(trained, data or tiny_episodes(episodes_per_batch=1))
    return {name: each.clone() for name, each in trained.named_parameters()}


def first_batch(**options: Any) -> Batch:
    data = tiny_episodes(**options)
    data.setup()
    return data.on_after_batch_transfer(next(iter(data.train_dataloader())), 0)


def equal(first: dict[str, Tensor], second: dict[str, Tensor]) -> bool:
    return all(torch.equal(first[name], each) for name, each in second.items())


def test_fomaml_without_a_step_is_joint_training(trainer: Make) -> None:
    found = learned(trainer, FOMAML(steps=0), both=True)
    assert equal(found, learned(trainer, Asked(), both=True))
    # By twos, in one pass.
    by_twos = {"data": tiny_episodes(episodes_per_batch=2), "both": True}
    assert equal(learned(trainer, FOMAML(0), **by_twos), learned(trainer, Asked(), **by_twos))


def test_reptile_with_one_step_is_joint_training(trainer: Make) -> None:
    expected = learned(trainer, Everything(), both=True, batch_norm=False)
    # To the bit, at any rate of the step.
    found = learned(trainer, Reptile(1, 0.3), both=True, batch_norm=False)
    assert equal(expected, found)
    assert equal(learned(trainer, Everything()), learned(trainer, Reptile(1, 0.3)))


def test_reptile_moves_towards_the_adapted_weights() -> None:
    model, batch = episode_model(), first_batch(episodes_per_batch=2)
    made = Reptile(steps=3, learning_rate=0.1)
    before = {name: each.detach().clone() for name, each in model.named_parameters()}
    outputs, seen = made(model, batch)
    made.losses(model, outputs, seen)[0].sum().backward()
    ends = []
    for episode in split_episodes(batch):
        other = episode_model()
        optimizer = torch.optim.SGD(other.parameters(), lr=0.1)
        for _ in range(3):
            optimizer.zero_grad()
            whole = all_of(episode)
            cross_entropy(other(whole["image"])["kind"], whole["kind"]).backward()
            optimizer.step()
        ends.append(dict(other.named_parameters()))
    for name, parameter in model.named_parameters():
        assert torch.equal(parameter, before[name])
        mean = torch.stack([each[name] for each in ends]).mean(0)
        torch.testing.assert_close(
            parameter.grad, (before[name] - mean) / 0.1, atol=1e-5, rtol=1e-4
        )


@pytest.mark.parametrize("made", [FOMAML(2, 0.1), ANIL(2, 0.1)])
def test_the_queries_gradient_at_the_adapted_weights_is_applied(made: FOMAML) -> None:
    model, batch = episode_model(batch_norm=False), first_batch()
    outputs, asked = made(model, batch)
    model.losses(outputs, asked)[0].sum().backward()
    # The same by torch alone.
    other = episode_model(batch_norm=False)
    moved = [each for name, each in other.named_parameters() if _moves(made, name)]
    optimizer = torch.optim.SGD(moved, lr=0.1)
    for _ in range(2):
        optimizer.zero_grad()
        support = support_of(batch)
        cross_entropy(other(support["image"])["kind"], support["kind"]).backward()
        optimizer.step()
    other.zero_grad()
    queries = queries_of(batch)
    expected = other(queries["image"])["kind"]
    cross_entropy(expected, queries["kind"]).backward()
    torch.testing.assert_close(outputs["kind"], expected)
    pairs = zip(model.named_parameters(), other.named_parameters(), strict=True)
    for (name, own), (_, wanted) in pairs:
        assert own.grad is not None, name
        torch.testing.assert_close(own.grad, wanted.grad)


def _moves(made: FOMAML, name: str) -> bool:
    return name.startswith("heads.") or not isinstance(made, ANIL)


def test_anil_adapts_the_heads_alone() -> None:
    model = episode_model()
    names = list(ANIL().adapted_names(Parts(model)))
    assert names == [name for name, _ in model.named_parameters() if name.startswith("heads.")]


def test_no_query_is_seen_by_another() -> None:
    model, batch = episode_model().eval(), first_batch()
    for made in (FOMAML(2), Reptile(2), ANIL(2, batch_norm="frozen")):
        whole = made.evaluated(model, batch)["kind"]
        (episode,) = split_episodes(batch)
        kept = episode["index"] <= 6
        alone = made.evaluated(model, {name: each[kept] for name, each in episode.items()})["kind"]
        torch.testing.assert_close(alone, whole[kept])


def test_an_evaluation_leaves_the_model_as_it_is() -> None:
    model, batch = episode_model(), first_batch(episodes_per_batch=2)
    made = FOMAML(3, 0.5)
    before = {name: each.clone() for name, each in model.state_dict().items()}
    random = torch.get_rng_state()
    model.eval()
    with torch.inference_mode():
        found = made.evaluated(model, {name: each.clone() for name, each in batch.items()})
    assert equal(before, model.state_dict())
    assert torch.equal(random, torch.get_rng_state())
    assert not any(each.training for each in model.encoder.modules())
    # It has adapted, to each episode by itself, and an empty share is no harm.
    assert not torch.equal(found["kind"], model(batch["image"])["kind"])
    assert len(made.evaluated(model, {name: each[:0] for name, each in batch.items()})["kind"]) == 0


@pytest.mark.parametrize("batch_norm", ["support", "frozen"])
def test_running_statistics_follow_the_supports_or_stay(batch_norm: Any) -> None:
    model, batch = episode_model(), first_batch(episodes_per_batch=2)
    layer = model.encoder.layers[2]  # type: ignore[union-attr,index]
    FOMAML(1, 0.1, batch_norm)(model, batch)
    supports = [support_of(each)["image"].flatten(1) for each in split_episodes(batch)]
    means = [model.encoder.layers[1](each).mean(0) for each in supports]  # type: ignore[union-attr,index]
    expected = 0.1 * torch.stack(means).mean(0) if batch_norm == "support" else torch.zeros(8)
    torch.testing.assert_close(layer.running_mean, expected)
    assert layer.training
    assert layer.momentum == 0.1


def test_missing_labels_and_other_schemes_are_no_harm(trainer: Make) -> None:
    unknown = tiny_episodes(episodes_per_batch=2)
    unknown.setup()
    unknown.source.splits["train"].targets["size"][:] = torch.nan
    for made in (FOMAML(2), Reptile(2), ANIL(2)):
        model = episode_model(both=True, sharing=partial(MMoE, width=4))
        outputs, batch = made(model, next(iter(unknown.train_dataloader())))
        losses, totals = made.losses(model, outputs, batch)
        losses.sum().backward()
        assert totals[1, 1] == 0
        assert all(
            each.grad.isfinite().all() for each in model.parameters() if each.grad is not None
        )


def test_a_balancer_that_looks_again_sees_the_adapted_losses(trainer: Make) -> None:
    model, batch = episode_model(both=True), first_batch(episodes_per_batch=2)
    made = FOMAML(2)
    outputs, asked = made(model, batch)
    before = {name: each.clone() for name, each in model.state_dict().items()}
    torch.testing.assert_close(made.tried(model, asked), model.losses(outputs, asked)[0].detach())
    assert equal(before, model.state_dict())
    learned(trainer, FOMAML(1), both=True, balancer=Scalarized(FAMO(2)))


def test_a_resumed_training_equals_one_that_never_stopped(trainer: Make, tmp_path: Path) -> None:
    every = ModelCheckpoint(tmp_path, filename="{step}", every_n_train_steps=3, save_top_k=-1)
    options = {"max_epochs": 2, "enable_checkpointing": True, "callbacks": [every]}

    def train(path: Path | None) -> dict[str, Tensor]:
        model = episode_model(training_pass=FOMAML(2))
        trainer(**options).fit(model, tiny_episodes(), ckpt_path=path)
        return dict(model.state_dict())

    expected = {name: each.clone() for name, each in train(None).items()}
    assert equal(expected, train(tmp_path / "step=6.ckpt"))
    loaded: Any = MultiTask.load_from_checkpoint(tmp_path / "step=6.ckpt").training_pass
    assert (type(loaded), loaded.steps, loaded.batch_norm) == (FOMAML, 2, "support")


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: FOMAML(steps=-1), "steps is -1; give 0 or more"),
        (lambda: Reptile(steps=0), "steps is 0; give 1 or more"),
        (lambda: ANIL(learning_rate=0), "learning_rate is 0"),
        (lambda: FOMAML(batch_norm="queries"), "give support or frozen"),  # type: ignore[arg-type]
    ],
)
def test_settings_that_make_no_sense(make: Callable[[], Pass], words: str) -> None:
    with pytest.raises(InputError) as refused:
        make()
    assert words in str(refused.value)


@pytest.mark.parametrize(
    ("made", "model", "options", "words"),
    [
        (FOMAML(), {"balancer": GradientBalancer(PCGrad())}, {}, "PCGrad|GradientBalancer"),
        (Reptile(), {"balancer": Scalarized(FAMO(1))}, {}, "use FixedWeights"),
        (
            FOMAML(),
            {"tasks": {"kind": Classification(3, teaches=0.5)}},
            {},
            "teaches of 'kind' at 1",
        ),
        (FOMAML(), {}, {"precision": "16-true"}, "use bf16-mixed or 32-true"),
    ],
)
def test_what_it_cannot_train(
    trainer: Make, made: Pass, model: dict[str, Any], options: dict[str, Any], words: str
) -> None:
    with pytest.raises(InputError, match=words):
        trainer(**options).fit(episode_model(training_pass=made, **model), tiny_episodes())


@pytest.mark.parametrize("made", [FOMAML(1), Reptile(1)])
def test_gradients_of_one_episode_are_not_taken_for_all(made: Pass) -> None:
    model, batch = episode_model(), first_batch()
    model.views.watchers.append(lambda gradients: None)
    with pytest.raises(InputError, match="remove the callback that watches"):
        made(model, batch)


def test_data_without_episodes_are_refused(
    trainer: Make, tiny_data: Make, tiny_model: Make
) -> None:
    with pytest.raises(InputError, match="which TinyData does not provide"):
        trainer().fit(tiny_model(training_pass=FOMAML()), tiny_data())


@pytest.mark.parametrize(("made", "warned"), [(PlainPass(), True), (FOMAML(steps=0), False)])
def test_episodes_without_a_pass_that_adapts_are_told_of(
    trainer: Make, made: Pass, warned: bool
) -> None:
    with warnings.catch_warnings(record=True) as seen:
        warnings.simplefilter("always")
        learned(trainer, made)
    told = [
        str(each.message) for each in seen if "no training_pass that adapts" in str(each.message)
    ]
    assert len(told) == warned
