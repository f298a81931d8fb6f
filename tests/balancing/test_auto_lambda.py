"""Auto-lambda: the slope of the primary losses after a step, and the weights that follow it."""

from __future__ import annotations

from collections.abc import Callable
from copy import deepcopy
from typing import Any

import pytest
import torch
from conformance.training import largest_difference, small_model, train, weights
from lightning.pytorch import Trainer
from torch import Tensor, nn
from torch.testing import assert_close

from multitask import MultiTask
from multitask.balancing import AutoLambda, FixedWeights, GradientBalancer
from multitask.balancing.weightings import MGDA, GradientSimilarity
from multitask.callbacks import Unfreezing
from multitask.data import DataModule
from multitask.data.digits import source_digits
from multitask.encoders import MLP, Encoder
from multitask.errors import InputError
from multitask.passes import AdversarialPass
from multitask.robustness import Attack
from multitask.tasks import Classification, Regression
from multitask.training.look import Look
from multitask.training.look_check import check_looks

RATE = 0.3
TASKS = ["kind", "size", "place"]


class Ahead(Look):
    """A look of a model that is not being trained, with one learning rate.

    Args:
        model: the model.
        batch: of the step.
        held_out: of samples kept out.
    """

    step = 0

    def __init__(self, model: MultiTask, batch: Any, held_out: Any) -> None:
        super().__init__(model, batch)
        self.held_out = held_out
        self.rates = dict.fromkeys(self.shared, RATE)

    def other_batch(self, split: str, tasks: tuple[str, ...] = ()) -> Any:
        return self.held_out


class Linear(Encoder):
    """One matrix."""

    def __init__(self) -> None:
        super().__init__()
        self.out_features = 3
        self.matrix = nn.Linear(16, 3, bias=False)

    def forward(self, image: Tensor) -> Tensor:
        return self.matrix(image.flatten(1))


def batch(seed: int, **changed: Tensor) -> dict[str, Tensor]:
    generator = torch.Generator().manual_seed(seed)
    return {
        "image": torch.rand(9, 1, 4, 4, generator=generator, dtype=torch.float64),
        "kind": torch.arange(9) % 3,
        "size": torch.randn(9, generator=generator, dtype=torch.float64),
        "place": torch.randn(9, 2, generator=generator, dtype=torch.float64),
        **changed,
    }


def slopes(model: MultiTask, *batches: dict[str, Tensor]) -> Tensor:
    balancer: Any = model.balancer
    found = balancer._slopes(Ahead(model, *batches))
    assert found is not None
    return found


def true_slopes(model: MultiTask, known: Any, held_out: Any) -> list[float]:
    """Of the first task's loss after a step, by each weight: central differences."""
    balancer: Any = model.balancer
    look = Ahead(model, known, held_out)

    def after_a_step(factors: Tensor) -> float:
        _, (step,) = look.gradients(known, factors[None])
        stepped = {name: each - RATE * step[name] for name, each in look.shared.items()}
        return float(look.losses(held_out, stepped)[0])

    moves = 1e-5 * torch.eye(len(balancer.weights), dtype=torch.float64)
    return [
        (after_a_step(balancer.weights + each) - after_a_step(balancer.weights - each)) / 2e-5
        for each in moves
    ]


def test_the_slope_on_a_linear_model_is_the_closed_form() -> None:
    torch.manual_seed(0)
    tasks: Any = {name: Regression() for name in ("a", "b", "c")}
    model = MultiTask(Linear(), tasks, AutoLambda(["a"])).double()
    data: list[dict[str, Tensor]] = []
    for seed in (1, 2):
        numbers = batch(seed)
        targets = {"a": "size", "b": "size", "c": "size"}
        data.append({"image": numbers["image"], **{t: numbers[n] for t, n in targets.items()}})
        data[-1]["b"], data[-1]["c"] = -numbers["size"], numbers["image"].sum((1, 2, 3))
    matrix: Any = model.encoder.matrix.weight.detach()  # type: ignore[union-attr]

    def gradient(task: str, known: dict[str, Tensor], theta: Tensor) -> Tensor:
        """Of the mean of (v W x + c - y) squared by W."""
        head: Any = model.heads[task]
        images = known["image"].flatten(1)
        rest = images @ theta.T @ head.weight[0] + head.bias - known[task]
        return 2 / len(rest) * head.weight[0][:, None] * (rest @ images)

    with torch.no_grad():
        own = [gradient(task, data[0], matrix) for task in tasks]
        ahead = gradient("a", data[1], matrix - RATE * sum(own))
        expected = torch.stack([-RATE * (ahead * each).sum() for each in own])
    found = slopes(model, *data)
    assert_close(found, expected, rtol=1e-4, atol=1e-7)
    assert found.tolist() == pytest.approx(true_slopes(model, *data), rel=1e-4)
    assert found.abs().min() > 1e-3


def in_place(model: MultiTask, known: Any, held_out: Any, factors: Tensor) -> Tensor:
    """The slopes as the paper's program finds them: on a copy, whose parameters move and return."""
    virtual = deepcopy(model)
    shared = list(virtual.encoder.parameters())

    def losses(data: Any) -> Tensor:
        # Running statistics do not count in training mode.
        return virtual.losses(virtual(data["image"]), data)[0]

    step = torch.autograd.grad((factors * losses(known)).sum(), shared)
    start = [each.detach().clone() for each in shared]
    with torch.no_grad():
        for each, slope in zip(shared, step, strict=True):
            each -= RATE * slope
    ahead = torch.autograd.grad(losses(held_out)[0], shared)
    epsilon = 0.01 / torch.cat([each.flatten() for each in ahead]).norm()
    sides = []
    with torch.no_grad():
        for sign in (1, -1):
            for each, before, slope in zip(shared, start, ahead, strict=True):
                each.copy_(before + sign * epsilon * slope)
            sides.append(losses(known))
        return -RATE * (sides[0] - sides[1]) / (2 * epsilon)


def test_the_slopes_are_the_papers_and_those_of_the_true_objective() -> None:
    model, known, held_out = small_model(AutoLambda(["kind"])), batch(1), batch(2)
    balancer: Any = model.balancer
    balancer._logits.data.copy_(torch.tensor([0.3, -0.5, 0.1]))
    found = slopes(model, known, held_out)
    assert_close(found, in_place(model, known, held_out, balancer.weights), rtol=1e-9, atol=1e-12)
    # The paper's own difference is not infinitely small.
    assert found.tolist() == pytest.approx(true_slopes(model, known, held_out), rel=5e-3, abs=1e-5)


def test_weights_follow_the_slopes_by_adam_whatever_the_learning_rate() -> None:
    generator = torch.Generator().manual_seed(0)
    steps = torch.randn(5, 3, generator=generator, dtype=torch.float64)
    logits = torch.zeros(3, dtype=torch.float64, requires_grad=True)
    adam = torch.optim.Adam([logits], lr=0.05, eps=0)
    small, large = AutoLambda(["kind"]), AutoLambda(["kind"])
    for each in (small, large):
        each.check(TASKS)
    everyone = torch.ones(3, dtype=torch.bool)
    for slope in steps:
        adam.zero_grad()
        (3 * logits.softmax(0) * slope).sum().backward()
        adam.step()
        large._learn(slope, everyone)
        small._learn(1e-6 * slope, everyone)
        assert_close(large.weights, 3 * logits.detach().softmax(0))
        assert_close(small.weights, large.weights)
    assert float(large.weights.sum()) == pytest.approx(3)


def test_a_task_without_a_label_keeps_its_weight() -> None:
    balancer = AutoLambda(["kind"])
    balancer.check(TASKS)
    balancer._learn(torch.tensor([-1.0, 1.0, 0.5]).double(), torch.ones(3, dtype=torch.bool))
    before = balancer.weights
    balancer._learn(torch.tensor([0.5, 0.0, -1.0]).double(), torch.tensor([True, False, True]))
    assert_close(balancer.weights[1], before[1], rtol=1e-12, atol=0)
    assert balancer.weights[2] > before[2]
    assert float(balancer.weights.sum()) == pytest.approx(3)


@pytest.mark.parametrize(
    ("missing", "where"), [("kind", 1), ("size", 0), ("all", 0), ("nan", 0), ("nan", 1)]
)
def test_labels_that_are_missing_and_losses_that_are_no_numbers(missing: str, where: int) -> None:
    model = small_model(AutoLambda(["kind"]))
    gone = {"kind": torch.full((9,), -100), "size": torch.full((9,), torch.nan).double()}
    gone["place"] = gone["size"][:, None].expand(9, 2)
    if missing == "nan":
        gone = {"image": torch.full((9, 1, 4, 4), torch.nan).double()}
    elif missing != "all":
        gone = {missing: gone[missing]}
    data = [batch(1), batch(2)]
    data[where] |= gone
    model.balancer.before_step(Ahead(model, *data))
    found: Any = model.balancer.weights
    if missing == "size":
        assert float(found[1]) == pytest.approx(1)
        assert float(found[0]) > 1
    else:
        assert found.tolist() == [1, 1, 1]


def test_of_a_reader_nothing_is_asked() -> None:
    found = slopes(small_model(AutoLambda(["kind"]), teaches=(1, 0, 0.5)), batch(1), batch(2))
    assert found[1] == 0
    assert found[0] != 0 != found[2]


class Counting(AutoLambda):
    """Remembers when it looked, and at which samples."""

    def before_step(self, look: Look) -> None:
        if look.step % self.every == 0:
            self.__dict__.setdefault("seen", []).append(look.step)
            held_out = look.other_batch(self.split, tuple(self.primary))
            assert (held_out["kind"] != -100).all()
            assert "@place" not in held_out
        super().before_step(look)


def test_a_look_leaves_no_trace_and_comes_once_a_step() -> None:
    looking: Any = Counting(["kind"], learning_rate=1e-14, every=2)
    plain, watched = small_model(FixedWeights()), small_model(looking)
    for model in (plain, watched):
        train(model, steps=5, accumulate_grad_batches=2)
    assert largest_difference(weights(plain), weights(watched)) < 1e-12
    for name, value in plain.named_buffers():
        assert_close(value, watched.get_buffer(name), rtol=1e-12, atol=1e-12)
    assert looking.seen == [0, 2, 4]


def test_a_copy_of_the_primary_rises_and_shuffled_labels_fall() -> None:
    torch.manual_seed(0)
    images, labels = source_digits()
    known = {"image": images, "own": labels, "copy": labels}
    known["noise"] = labels[torch.randperm(len(labels))]
    tasks: Any = {name: Classification(10) for name in ("own", "copy", "noise")}
    balancer = AutoLambda(["own"])
    model = MultiTask(MLP(64, hidden=[32], out_features=32), tasks, balancer)
    # Heads that read the representation in other directions do not help each other at first.
    model.heads["copy"].load_state_dict(model.heads["own"].state_dict())
    optimizer = torch.optim.AdamW(model.parameters(), lr=0.005)
    for _ in range(15):
        rows = torch.randint(800, (2, 64)) + torch.tensor([[0], [900]])
        trained, held_out = ({name: each[at] for name, each in known.items()} for at in rows)
        balancer.before_step(Ahead(model, trained, held_out))
        losses, totals = model.losses(model(trained["image"]), trained)
        optimizer.zero_grad()
        balancer(losses, totals[1] > 0).backward()
        optimizer.step()
    own, copy, noise = balancer.weights.tolist()
    assert copy == pytest.approx(own, rel=1e-3)
    assert noise < 0.7 < 1.1 < copy


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"primary": []}, "primary is empty"),
        ({"primary": ["knd"]}, "'knd', which is not a task; did you mean 'kind'"),
        ({"primary": ["kind", "kind"]}, "lists a task more than once"),
        ({"learning_rate": 0.0}, "learning_rate is 0.0; give a number above 0"),
        ({"learning_rate": float("nan")}, "learning_rate is nan"),
        ({"every": 0}, "every is 0"),
        ({"split": "train"}, "split is 'train'; give meta, or val"),
    ],
)
def test_settings_that_cannot_be(options: dict[str, Any], words: str) -> None:
    with pytest.raises(InputError, match=words):
        small_model(AutoLambda(**{"primary": ["kind"], **options}))


def test_ways_to_train_that_it_cannot_look_through(
    tiny_data: Callable[..., DataModule], tiny_model: Callable[..., MultiTask]
) -> None:
    balancer = AutoLambda(["kind"])
    with pytest.raises(InputError, match="whole parameters, .*; use the ddp strategy"):
        balancer.check_run("32-true", True, 2)
    with pytest.raises(InputError, match="precision bf16-true .* use bf16-mixed or 32-true"):
        balancer.check_run("bf16-true", False, 1)
    with pytest.raises(InputError, match="AutoLambda is given as losses .* use one of the two"):
        GradientBalancer(MGDA(), losses=balancer)
    attacking = tiny_model(balancer=balancer, training_pass=AdversarialPass(Attack(0.1)))
    with pytest.raises(InputError, match="plain steps, but the training pass AdversarialPass"):
        check_looks(attacking, tiny_data(meta=0.5))
    model = tiny_model(balancer=balancer)
    with pytest.raises(InputError, match=r"no meta set; .* data\.init_args\.meta=0\.2"):
        check_looks(model, tiny_data())
    few = tiny_data({"train": {"kind": torch.full((24,), -100)}}, meta=0.5)
    with pytest.raises(InputError, match="0 samples with a label of 'kind', but .* at least 2"):
        check_looks(model, few)
    half = tiny_data({"train": {"kind": torch.full((24,), -100)}}, meta=0.5)
    with pytest.raises(InputError, match="no sample of the meta set has a label for .* 'kind'"):
        check_looks(tiny_model(balancer=AutoLambda(["kind", "size"])), half)
    check_looks(model, tiny_data(meta=0.5))
    idle = tiny_model(balancer=balancer, tasks={"kind": Classification(3, weight=0)})
    with pytest.raises(InputError, match="the primary task 'kind' has weight 0"):
        check_looks(idle, tiny_data(meta=0.5))
    for method in (AutoLambda, GradientSimilarity):
        with pytest.raises(InputError, match=r"primary is 'kind'; give a list: \['kind'\]"):
            method("kind")  # type: ignore[arg-type]
    plan = Unfreezing(["encoder"])
    with pytest.raises(InputError, match="AutoLambda looks at steps of the encoder, which stays"):
        plan.check(model, Trainer(accelerator="cpu", logger=False), None)
    model.encoder.requires_grad_(False)
    with pytest.raises(InputError, match="the encoder is frozen, so none can"):
        check_looks(model, tiny_data(meta=0.5))


def test_one_task_needs_no_weight() -> None:
    model = MultiTask(Linear(), {"kind": Classification(3)}, AutoLambda(["kind"])).double()
    model.balancer.before_step(Ahead(model, batch(1), batch(2)))
    assert model.balancer.weights.tolist() == [1]  # type: ignore[union-attr]
