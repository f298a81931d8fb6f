"""Attacks: known optima, another library's results, and no trace in the model."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torchvision.transforms import v2

from multitask import MultiTask
from multitask.encoders import MLP, ConvNet, Encoder
from multitask.errors import InputError
from multitask.robustness import Attack, PixelBounds
from multitask.tasks import Classification, Regression, Task

SIDE = 6
CLASSES = 3


def two_tasks(**arguments: Any) -> MultiTask:
    torch.manual_seed(0)
    tasks: dict[str, Task] = {"kind": Classification(CLASSES), "size": Regression()}
    return MultiTask(ConvNet(1, [4, 8]), tasks, **arguments)


def samples(count: int = 16) -> dict[str, Tensor]:
    generator = torch.Generator().manual_seed(0)
    images = torch.rand(count, 1, SIDE, SIDE, generator=generator)
    return {"image": images, "kind": torch.arange(count) % CLASSES, "size": images.mean((1, 2, 3))}


PLACES = torch.arange(16)


class Logits(nn.Module):
    """One task of a model, as other libraries take it."""

    def __init__(self, model: MultiTask) -> None:
        super().__init__()
        self.model = model
        # Such libraries put back the mode that they find.
        self.eval()

    def forward(self, images: Tensor) -> Tensor:
        return self.model(images)["kind"]


def linear(slope: Tensor) -> MultiTask:
    """A regression whose output is the slope times the pixels."""
    model = MultiTask(MLP(len(slope), hidden=[], out_features=len(slope)), {"size": Regression()})
    model.double().eval()
    model.encoder = nn.Flatten()
    with torch.no_grad():
        head: Any = model.heads["size"]
        head.weight.copy_(slope[None])
        head.bias.zero_()
    return model


@pytest.mark.parametrize("norm", ["inf", "2"])
def test_of_a_linear_model_the_worst_point_is_known(norm: Any) -> None:
    slope = torch.linspace(-1, 1, 4, dtype=torch.float64) + 0.1
    model = linear(slope)
    images = torch.full((2, 1, 2, 2), 0.5, dtype=torch.float64)
    outputs = model(images)["size"].detach()[:, 0]
    # One target below the output and one above it: the error grows upwards and downwards.
    batch = {"image": images, "size": outputs + torch.tensor([-1.0, 1.0])}
    attack = Attack(0.1, steps=30, norm=norm, step_size=0.1)
    change = (attack(model, batch, PLACES[:2]) - images).flatten(1)
    way = slope.sign() if norm == "inf" else slope / slope.norm()
    assert torch.allclose(change, 0.1 * torch.stack([way, -way]), atol=1e-6)


def test_it_equals_another_library() -> None:
    torchattacks = pytest.importorskip("torchattacks", reason="compares with torchattacks")
    model, batch = two_tasks(), samples()
    model.eval()
    with torch.no_grad():
        # Without kinks, at which rounding would decide on a sign.
        for name, each in list(model.encoder.named_modules()):
            if isinstance(each, nn.ReLU):
                model.encoder.set_submodule(name, nn.Tanh())
    images, kind = batch["image"], batch["kind"]
    only = {"kind": 1.0}
    pairs = [
        (torchattacks.FGSM(Logits(model), eps=0.03), Attack(0.03, 1, random_start=False)),
        (
            torchattacks.PGD(Logits(model), eps=0.05, alpha=0.02, steps=5, random_start=False),
            Attack(0.05, 5, step_size=0.02, random_start=False),
        ),
        (
            torchattacks.PGDL2(Logits(model), eps=0.5, alpha=0.2, steps=5, random_start=False),
            Attack(0.5, 5, "2", step_size=0.2, random_start=False),
        ),
    ]
    for theirs, ours in pairs:
        ours.tasks = only
        expected = theirs(images, kind)
        found = ours(model, batch, PLACES)
        assert not torch.equal(expected, images)
        torch.testing.assert_close(found, expected, rtol=0, atol=1e-6)


def loss_of(model: MultiTask, batch: dict[str, Tensor], images: Tensor) -> float:
    model.eval()
    with torch.no_grad():
        return float(model.losses(model(images), {**batch, "image": images})[0].sum())


def test_attacks_are_stronger_than_noise_and_more_steps_are_stronger() -> None:
    model, batch = two_tasks(), samples()
    clean = batch["image"]
    noise = 0.1 * torch.randn(clean.shape, generator=torch.Generator().manual_seed(0)).sign()
    changed = [
        clean + noise,
        Attack(0.1, 1, random_start=False)(model, batch, PLACES),
        Attack(0.1, 20)(model, batch, PLACES),
        Attack(0.1, 20, restarts=3)(model, batch, PLACES),
    ]
    found = [loss_of(model, batch, images.clamp(0, 1)) for images in changed]
    assert found == sorted(found), found
    assert found[1] > loss_of(model, batch, clean) + 0.01


def test_a_task_counts_by_its_weight_and_a_restart_starts_elsewhere() -> None:
    model, batch = (
        two_tasks().double(),
        {
            name: each.double() if each.is_floating_point() else each
            for name, each in samples().items()
        },
    )

    def attacked(**weights: float) -> Tensor:
        return Attack(0.1, 1, "2", tasks=weights, random_start=False)(model, batch, PLACES)

    one, other = attacked(kind=1.0), attacked(size=1.0)
    nearly = attacked(kind=1.0, size=1e-6)
    assert not torch.allclose(one, other, atol=1e-3)
    assert torch.allclose(one, nearly, atol=1e-3)
    assert torch.allclose(attacked(kind=1e-6, size=1.0), other, atol=1e-3)
    starts = [Attack(0.1)._start(batch["image"], PLACES, 0, each) for each in (0, 1)]
    assert not torch.allclose(*starts)


def test_of_several_attacks_the_worst_point_on_the_way_counts() -> None:
    clean = torch.full((2, 1, 3, 3), 0.5)

    # Highest near the image: each step goes beyond it, to one side or back.
    def objective(pixels: Tensor) -> Tensor:
        return -(pixels - 0.52).square().flatten(1).sum(1)

    options: Any = {"steps": 3, "step_size": 0.1, "random_start": False}
    last = Attack(0.1, **options).raised(clean, objective, PLACES[:2], 0)
    worst = Attack(0.1, restarts=2, **options).raised(clean, objective, PLACES[:2], 0)
    torch.testing.assert_close(last, clean + 0.1)
    torch.testing.assert_close(worst, clean)


class Drawing(nn.Module):
    """Draws random numbers, and keeps count, whenever it computes."""

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("calls", torch.zeros(()))

    def forward(self, values: Tensor) -> Tensor:
        self.calls += torch.rand(()) + 1
        return values


def test_in_a_large_ball_no_class_is_right() -> None:
    model, batch = two_tasks().eval(), samples()
    with torch.no_grad():
        model.heads["kind"].weight.mul_(50)  # type: ignore[union-attr, operator]
        batch["kind"] = model(batch["image"])["kind"].argmax(1)
    shares = []
    for eps in (0.0, 0.02, 1.0):
        images = Attack(eps, 20, tasks={"kind": 1.0})(model, batch, PLACES)
        with torch.no_grad():
            right = model(images)["kind"].argmax(1) == batch["kind"]
        shares.append(float(right.float().mean()))
    assert shares[0] == 1
    assert shares == sorted(shares, reverse=True)
    assert shares[-1] == 0


@pytest.mark.parametrize("norm", ["inf", "2"])
def test_it_stays_in_the_ball_and_between_black_and_white(norm: Any) -> None:
    model, batch = two_tasks(), samples()
    change = Attack(0.3, 4, norm, restarts=2)(model, batch, PLACES) - batch["image"]
    size = change.flatten(1).norm(dim=1, p=math.inf if norm == "inf" else 2)
    assert size.max() <= 0.3 + 1e-6
    assert size.min() > 0.1
    moved = batch["image"] + change
    assert moved.min() >= 0
    assert moved.max() <= 1


def test_behind_a_normalisation_lengths_are_pixels() -> None:
    transforms = [v2.Normalize([0.5], [0.25]), v2.Normalize([0.1], [2.0])]
    bounds = PixelBounds.of(transforms)
    raw = samples()
    batch = {**raw, "image": nn.Sequential(*transforms)(raw["image"])}
    torch.testing.assert_close(bounds.pixels(batch["image"]), raw["image"])
    moved = Attack(0.05, 3)(two_tasks(), batch, PLACES, bounds=bounds)
    change = bounds.pixels(moved) - raw["image"]
    assert change.abs().max() == pytest.approx(0.05, abs=1e-5)
    assert bounds.pixels(moved).min() >= -1e-6
    with pytest.raises(InputError, match="transforms has ColorJitter"):
        PixelBounds.of([v2.ColorJitter()])
    with pytest.raises(InputError, match="numbers from 0 to 255"):
        PixelBounds().check(torch.tensor([0.0, 255.0]))


def test_the_start_depends_on_the_place_alone() -> None:
    model, batch = two_tasks(), samples()
    attack = Attack(0.1, 2, restarts=2)
    whole = attack(model, batch, PLACES, seed=3)
    half = {name: values[8:] for name, values in batch.items()}
    torch.testing.assert_close(attack(model, half, PLACES[8:], seed=3), whole[8:])
    assert not torch.allclose(attack(model, batch, PLACES, seed=4), whole)
    assert not torch.allclose(attack(model, half, PLACES[:8], seed=3), whole[8:])


def test_no_trace_is_left_even_in_inference_mode() -> None:
    model, batch = two_tasks(), samples()
    model.heads["kind"] = nn.Sequential(Drawing(), model.heads["kind"])
    model.train()
    model.encoder.eval()
    before = {name: values.clone() for name, values in model.state_dict().items()}
    modes = [each.training for each in model.modules()]
    random = torch.get_rng_state()
    with torch.inference_mode():
        inner = {name: values.clone() for name, values in batch.items()}
        found = Attack(0.1, 3)(model, inner, PLACES.clone())
    assert not torch.equal(found, batch["image"])
    assert torch.equal(torch.get_rng_state(), random)
    assert [each.training for each in model.modules()] == modes
    assert all(each.grad is None for each in model.parameters())
    for name, values in model.state_dict().items():
        assert torch.equal(values, before[name]), name


class InPlace(Encoder):
    """Works in place on its input, trains a part of itself, and replaces its buffer."""

    out_features = SIDE * SIDE

    def __init__(self) -> None:
        super().__init__()
        self.part = nn.Dropout(0.0)
        self.register_buffer("calls", torch.zeros(()))

    def forward(self, image: Tensor) -> Tensor:
        self.calls = self.calls + 1
        self.part.train()
        return self.part(nn.functional.relu_(image.flatten(1)))


@pytest.mark.parametrize("norm", ["inf", "2"])
def test_an_encoder_may_work_in_place_and_choose_its_mode(norm: Any) -> None:
    model, batch = MultiTask(InPlace(), {"size": Regression()}).eval(), samples()
    images = batch["image"].clone()
    found = Attack(0.1, 2, norm=norm)(model, batch, PLACES)
    assert torch.equal(batch["image"], images)
    assert not torch.equal(found, images)
    assert not any(each.training for each in model.modules())
    assert model.encoder.calls == 0


def test_nothing_changes_without_a_length_a_step_or_a_label() -> None:
    model, batch = two_tasks(), samples()
    for attack in (Attack(0, 3), Attack(0.1, 0)):
        assert torch.equal(attack(model, batch, PLACES), batch["image"])
    kind, size = batch["kind"].clone(), batch["size"].clone()
    kind[:8], size[:4] = -100, math.nan
    missing = {**batch, "kind": kind, "size": size}
    of_both = Attack(0.1, 3)(model, missing, PLACES) != batch["image"]
    assert of_both.flatten(1).any(1).tolist() == [False] * 4 + [True] * 12
    of_kind = Attack(0.1, 3, tasks={"kind": 1.0, "size": 0.0})(model, missing, PLACES)
    assert (of_kind != batch["image"]).flatten(1).any(1).tolist() == [False] * 8 + [True] * 8
    empty = {name: values[:0] for name, values in batch.items()}
    assert len(Attack(0.1)(model, empty, PLACES[:0])) == 0


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: Attack(8), "pixels are between 0 and 1, so 8/255 is 0.0314"),
        (lambda: Attack(-0.1), "eps is -0.1; give 0 or more"),
        (lambda: Attack(math.nan), "eps is nan"),
        (lambda: Attack(0.1, norm="1"), "norm is 1; choose inf or 2"),  # type: ignore[arg-type]
        (lambda: Attack(0.1, step_size=2), "step_size is 2; pixels are"),
        (lambda: Attack(0.1, steps=-1), "0 or more steps"),
        (lambda: Attack(0.1, restarts=0), "at least 1 restart"),
        (lambda: Attack(0.1, tasks={"kind": 0.0}), "weight 0 for every task"),
        (lambda: Attack(0.1, tasks={}), "weight 0 for every task"),
        (lambda: Attack(0.1, tasks={"kind": -1.0}), "weight of 'kind' is -1"),
        (
            lambda: Attack(0.1, tasks={"knd": 1.0}).weights(two_tasks()),
            "'knd'; did you mean 'kind'",
        ),
    ],
)
def test_what_makes_no_sense_is_refused(make: Callable[[], Any], words: str) -> None:
    with pytest.raises(InputError) as refused:
        make()
    assert words in str(refused.value)
