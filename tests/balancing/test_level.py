"""Where gradients are compared: which parameters, what is refused, and what is handed on."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence

import pytest
import torch
from torch import Tensor, nn
from torch.testing import assert_close

from multitask.balancing.gate import gate
from multitask.balancing.level import Level, LevelName
from multitask.balancing.task_gradients import TaskGradients
from multitask.errors import InputError

FEATURES = torch.randn(5, 3, generator=torch.Generator().manual_seed(0))
WEIGHTS = torch.tensor([0.5, 2.0, 0.1])
OF_FIRST = 3 * 4 + 4
"""Number of the first layer's parameters."""


def encoder() -> nn.Sequential:
    torch.manual_seed(0)
    layers = {"first": nn.Linear(3, 4), "last": nn.Sequential(nn.Linear(4, 2), nn.Tanh())}
    return nn.Sequential(OrderedDict(layers))


def connected(shared: nn.Module, parameters: str | None = None, stepped: bool = False) -> Level:
    level = Level("shared", parameters)
    level.connect(shared)
    level.has_stepped = stepped
    return level


def losses(views: Sequence[Tensor]) -> list[Tensor]:
    return [(view - place).square().sum() for place, view in enumerate(views)]


def separate() -> Tensor:
    """The tasks' gradients of all parameters, each by a plain backward pass."""
    shared = encoder()
    rows = [
        torch.autograd.grad(loss, list(shared.parameters()), retain_graph=True)
        for loss in losses([shared(FEATURES)] * 3)
    ]
    return torch.stack([torch.cat([part.flatten() for part in row]) for row in rows])


def train(
    level: Level, shared: nn.Module, asks: bool = True
) -> tuple[Sequence[Tensor | None], Tensor | None]:
    """One backward pass, in which the level may be asked for products before it weighs the tasks.

    Returns:
        What the level sent into the encoder, and the products.
    """
    seen: list[tuple[Sequence[Tensor | None], Tensor | None]] = []

    def receive(gradients: TaskGradients) -> Sequence[Tensor | None]:
        products = level.gramian(gradients) if asks else None
        seen.append((level.weighted(WEIGHTS.double(), gradients), products))
        return seen[0][0]

    views = gate(shared(FEATURES), ["a", "b", "c"], receive)
    torch.stack(losses(list(views.values()))).sum().backward()
    level.add_to_gradients()
    return seen[0]


def gradient(shared: nn.Module) -> Tensor:
    return torch.cat([each.grad.flatten() for each in shared.parameters()])  # type: ignore[union-attr]


def ids(parameters: Sequence[nn.Parameter]) -> list[int]:
    return [id(each) for each in parameters]


def test_parameters_are_all_or_the_named_modules() -> None:
    shared = encoder()
    everything = ids(list(shared.parameters()))
    assert ids(connected(shared).shared) == everything
    assert ids(connected(shared, "last").shared) == everything[2:]
    assert ids(connected(shared, "last.0").shared) == everything[2:]


def test_frozen_parameters_are_left_out() -> None:
    shared = encoder()
    shared[0].requires_grad_(False)
    train(connected(shared), shared)
    assert [each.grad for each in shared[0].parameters()] == [None, None]
    assert_close(gradient(shared[1]), WEIGHTS @ separate()[:, OF_FIRST:])


@pytest.mark.parametrize(
    ("name", "hint"), [("frist", "did you mean 'first'"), ("x", "it has first, last, last.0")]
)
def test_misspelt_module_is_refused(name: str, hint: str) -> None:
    with pytest.raises(InputError, match=f"no module '{name}' for the balancer; {hint}"):
        connected(encoder(), name)


def test_module_is_refused_where_no_parameters_are_compared() -> None:
    with pytest.raises(InputError, match="'last' are compared only at level 'shared'"):
        Level("representation", "last")


@pytest.mark.parametrize("parameters", [None, "first"])
def test_module_that_is_not_trained_is_refused(parameters: str | None) -> None:
    shared = encoder().requires_grad_(False)
    with pytest.raises(InputError, match=f"no trained parameter in {parameters or 'the encoder'}"):
        connected(shared, parameters)
    Level().connect(shared)


def test_sharded_parameters_are_refused() -> None:
    with pytest.raises(InputError, match="whole parameters"):
        Level("shared").check_run(sharded=True)
    Level("shared").check_run(sharded=False)
    Level().check_run(sharded=True)


@pytest.mark.parametrize("in_place", [False, True])
@pytest.mark.parametrize("part", ["", "last"])
def test_compiled_encoder_is_refused(part: str, in_place: bool) -> None:
    # Nothing is compiled before the first call.
    shared: nn.Module = encoder()
    if in_place:
        shared.get_submodule(part).compile()
    elif part:
        shared.last = torch.compile(shared.last)  # type: ignore[arg-type, assignment]
    else:
        shared = torch.compile(shared)  # type: ignore[assignment]
    with pytest.raises(InputError, match="compiled"):
        connected(shared)
    Level().connect(shared)


@pytest.mark.parametrize("stepped", [False, True])
@pytest.mark.parametrize("asks", [False, True])
@pytest.mark.parametrize(
    ("name", "parameters"), [("representation", None), ("shared", None), ("shared", "last")]
)
def test_encoder_gets_the_weighted_gradient_whether_or_not_the_parameters_are_known(
    name: LevelName, parameters: str | None, asks: bool, stepped: bool
) -> None:
    level, shared = Level(name, parameters), encoder()
    level.connect(shared)
    level.has_stepped = stepped
    for times in (1, 2):
        # The second finds gradients that exist, as with accumulated batches.
        train(level, shared, asks)
        assert_close(gradient(shared), times * WEIGHTS @ separate())


def test_products_are_of_the_named_parameters() -> None:
    everything, shared = separate(), encoder()
    for parameters, expected in ((None, everything), ("last", everything[:, OF_FIRST:])):
        _, products = train(connected(shared, parameters), shared)
        assert_close(products, expected @ expected.T)


def test_zeros_go_through_the_encoder_until_the_optimizer_has_stepped() -> None:
    shared = encoder()
    sent, _ = train(connected(shared), shared)
    assert_close(sent, [torch.zeros(5, 2)])
    sent, _ = train(connected(shared, stepped=True), shared)
    assert sent == [None]


def test_what_was_taken_is_added_once() -> None:
    level = connected(shared := encoder(), stepped=True)
    direction = torch.arange(1.0, 27.0)
    seen = TaskGradients([torch.ones(1)], [torch.ones(3, 1)], 3)
    for times in (1, 2):
        level.take(direction.clone(), seen)
        level.add_to_gradients()
        level.add_to_gradients()
        assert_close(gradient(shared), times * direction)


def test_a_jacobian_that_was_handed_out_stays_as_it_is() -> None:
    shared = encoder()
    level, kept = connected(shared, stepped=True), []
    for factor in (1.0, 2.0, 3.0):
        parts = [torch.stack([factor * (FEATURES[:, :2] + task) for task in range(3)])]
        seen = TaskGradients([shared(FEATURES)], parts, 3)
        products = level.gramian(seen)
        kept.append((level.jacobian(seen), level.jacobian(seen).clone()))
        assert_close(products, kept[-1][1] @ kept[-1][1].T)
    for jacobian, then in kept:
        assert_close(jacobian, then, rtol=0, atol=0)


def test_parameters_that_a_batch_does_not_reach_have_no_gradient_in_it() -> None:
    shared = nn.ModuleList([nn.Linear(3, 2), nn.Linear(3, 2)])
    level = connected(shared, stepped=True)
    for reached in (0, 1, 0):
        seen = TaskGradients([shared[reached](FEATURES)], [torch.ones(2, 5, 2)], 2)
        expected = FEATURES.sum(0).square().sum() * 2 + 50
        assert_close(level.gramian(seen), expected.expand(2, 2))
