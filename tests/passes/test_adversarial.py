"""Adversarial training through the model's pass: what is attacked, counted, kept and refused."""

from __future__ import annotations

import math
import re
import shlex
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import torch
import yaml
from lightning.pytorch import Trainer
from torch import Tensor
from torch.nn.functional import kl_div
from torchvision.transforms import v2

from multitask import MultiTask
from multitask.balancing import FixedWeights
from multitask.callbacks import Cost
from multitask.checkpoints.recipe import recipe
from multitask.cli.arguments import prepare
from multitask.cli.command_line import CommandLine
from multitask.data import DataModule
from multitask.errors import InputError
from multitask.passes import AdversarialPass, Pass, TradesPass
from multitask.passes.trades import divergences
from multitask.robustness import Attack
from multitask.study.parsing import parsed
from multitask.tasks import Classification, Regression

pytestmark = pytest.mark.filterwarnings("ignore")
Make = Callable[..., Any]


def first_batch(data: DataModule) -> dict[str, Tensor]:
    data.setup()
    return data.on_after_batch_transfer(next(iter(data.train_dataloader())), 0)


@pytest.mark.parametrize("share", [1.0, 0.5, 0.0])
def test_a_share_of_the_labelled_images_is_attacked(
    tiny_data: Make, tiny_model: Make, share: float
) -> None:
    model, batch = tiny_model(), first_batch(tiny_data())
    labelled = ~batch["size"].isnan() | (batch["kind"] >= 0)
    outputs, trained_on = AdversarialPass(Attack(0.1, 2), share)(model, batch)
    changed = (trained_on["image"] != batch["image"]).flatten(1).any(1)
    assert not (changed & ~labelled).any()
    count, of = int(changed.sum()), int(labelled.sum())
    assert count == share * of or (share == 0.5 and 0 < count < of)
    sharded = AdversarialPass(Attack(0.1, 2), share)
    sharded.is_sharded = True
    same = sharded(tiny_model(), batch)[1]["image"]
    torch.testing.assert_close(same, trained_on["image"])
    expected = model(trained_on["image"])
    torch.testing.assert_close(outputs["size"], expected["size"])


def test_the_attack_begins_at_a_step_and_its_passes_are_counted(
    tiny_data: Make, tiny_model: Make, trainer: Make
) -> None:
    cost = Cost()
    made = AdversarialPass(Attack(0.1, steps=3), from_step=1)
    model = tiny_model(training_pass=made)
    trainer(callbacks=[cost]).fit(model, tiny_data())
    found = cost.values()
    assert found["steps"] == 3
    # One step without an attack, two with three more passes each.
    assert found["forward_passes"] == found["backward_passes"] == 3 + 2 * 3
    recipe: Any = model.hparams["training_pass"]
    assert recipe["init_args"]["attack"]["init_args"] == {"eps": 0.1, "steps": 3}


def test_it_is_rebuilt_from_a_checkpoint(
    tiny_data: Make, tiny_model: Make, trainer: Make, tmp_path: Path
) -> None:
    made = trainer()
    made.fit(tiny_model(training_pass=TradesPass(Attack(0.1, 2), beta=2.0)), tiny_data())
    made.save_checkpoint(tmp_path / "it.ckpt")
    loaded: Any = MultiTask.load_from_checkpoint(tmp_path / "it.ckpt").training_pass
    assert isinstance(loaded, TradesPass)
    assert (loaded.beta, loaded.attack.eps, loaded.attack.steps) == (2.0, 0.1, 2)


def test_trades_adds_how_far_predictions_move(tiny_data: Make, tiny_model: Make) -> None:
    model, batch = tiny_model(), first_batch(tiny_data())
    made = TradesPass(Attack(0.1, 3), beta=2.0)
    outputs, same = made(model, batch)
    assert same is batch
    plain, totals = model.losses(outputs, batch)
    losses, found_totals = made.losses(model, outputs, batch)
    assert torch.equal(totals, found_totals)
    assert made._moved is not None
    moved = [
        divergences(task, outputs[name], made._moved[name]).mean()
        for name, task in model.named_tasks.items()
    ]
    torch.testing.assert_close(losses, plain + 2 * torch.stack(moved))
    assert min(moved) > 0
    # Tasks that are not attacked may change too.
    alone = TradesPass(Attack(0.1, 3, tasks={"size": 1.0}), beta=2.0)
    outputs, _ = alone(model, batch)
    extra = alone.losses(model, outputs, batch)[0] - model.losses(outputs, batch)[0]
    assert extra[0] == 0
    assert extra[1] > 0
    # Also images without any label are attacked.
    assert (divergences(Regression(), outputs["size"], made._moved["size"]) > 0).all()


def test_what_a_step_did_to_trades_is_what_it_did_to_all_of_the_loss(
    tiny_data: Make, tiny_model: Make, trainer: Make
) -> None:
    before: list[Tensor] = []
    after: list[Tensor] = []

    class Watching(FixedWeights):
        def forward(self, losses: Tensor, labelled: Tensor) -> Tensor:
            before.append(losses.detach())
            return super().forward(losses, labelled)

        def after_step(self, losses: Callable[[], Tensor]) -> None:
            after.append(losses())

    # With a rate of 0 a step changes nothing.
    arguments = {"optimizer": partial(torch.optim.SGD, lr=0.0), "balancer": Watching()}
    made = TradesPass(Attack(0.1, 2), from_step=1)
    trainer().fit(tiny_model(training_pass=made, **arguments), tiny_data())
    assert len(before) == 3
    torch.testing.assert_close(after, before)


def test_divergences_are_those_of_the_paper() -> None:
    before, after = torch.randn(5, 3), torch.randn(5, 3)
    found = divergences(Classification(3), before, after)
    expected = kl_div(after.log_softmax(1), before.softmax(1), reduction="batchmean")
    assert float(found.mean()) == pytest.approx(float(expected), rel=1e-5)
    squares = divergences(Regression(3), before, after)
    torch.testing.assert_close(squares, (before - after).square().mean(1))
    maps = divergences(Classification(3), torch.randn(2, 3, 4, 4), torch.randn(2, 3, 4, 4))
    assert maps.shape == (2,)


def test_the_pages_settings_are_those_of_the_experiment() -> None:
    root = Path(__file__).parents[2]
    section = (root / "docs/robustness.md").read_text().split("## Adversarial training")[1]
    (told,) = re.findall(r"```yaml\n(.*?)```", section.split("\n## ")[0], re.DOTALL)
    path = root / "configs/experiment/digits_adversarial.yaml"
    written = yaml.safe_load(path.read_text())["model"]["training_pass"]
    shown = yaml.safe_load(told)["model"]["training_pass"]
    made, shipped = (parsed(Pass, each) for each in (shown, written))
    assert (made.share, made.from_step) == (shipped.share, shipped.from_step)
    assert recipe(made.attack) == recipe(shipped.attack)


def test_the_pages_commands_make_the_passes_that_they_are_said_to() -> None:
    root = Path(__file__).parents[2]
    section = (root / "docs/robustness.md").read_text().split("## Adversarial training")[1]
    (block,) = re.findall(r"```bash\n(.*?)\n```", section.split("\n## ")[0], re.DOTALL)
    example, single, trades = (
        CommandLine(prepare(shlex.split(line.replace("configs/", f"{root}/configs/"))[1:]))
        for line in block.splitlines()
    )
    assert [type(each.model.training_pass) for each in (example, single, trades)] == [
        *(AdversarialPass, AdversarialPass, TradesPass)
    ]
    attacks: Any = [each.model.training_pass.attack for each in (example, single, trades)]
    assert [(each.eps, each.steps, each.random_start) for each in attacks] == [
        *((0.05, 3, True), (0.05, 1, False), (0.05, 3, True))
    ]


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: AdversarialPass(Attack(0.1), share=1.5), "share is 1.5"),
        (lambda: AdversarialPass(Attack(0.1), share=math.nan), "share is nan"),
        (lambda: AdversarialPass(Attack(0.1), from_step=-1), "from_step is -1"),
        (lambda: TradesPass(Attack(0.1), beta=-1.0), "beta is -1.0"),
        (lambda: TradesPass(Attack(0.1, random_start=False)), "random_start: true"),
    ],
)
def test_settings_that_make_no_sense(make: Callable[[], Pass], words: str) -> None:
    with pytest.raises(InputError) as refused:
        make()
    assert words in str(refused.value)


@pytest.mark.parametrize(
    ("options", "data", "words"),
    [
        ({}, {"transforms": [v2.Resize(4)]}, "transforms has Resize"),
        ({}, {"images": 255 * torch.rand(24, 1, 4, 4)}, "numbers from"),
        ({"precision": "16-true"}, {}, "use bf16-mixed or 32-true"),
    ],
)
def test_what_it_cannot_train_on(
    tiny_data: Make,
    tiny_model: Make,
    trainer: Make,
    options: dict[str, Any],
    data: dict[str, Any],
    words: str,
) -> None:
    model = tiny_model(training_pass=AdversarialPass(Attack(0.1, 1)))
    made: Trainer = trainer(**options)
    with pytest.raises(InputError) as refused:
        made.fit(model, tiny_data(**data))
    assert words in str(refused.value)
