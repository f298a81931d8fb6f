"""What schemes of a network for each task have in common."""

from __future__ import annotations

from functools import partial
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.testing import assert_close

from multitask import MultiTask
from multitask.balancing import FixedWeights, GradientBalancer
from multitask.balancing.weightings import MGDA
from multitask.encoders import MLP, Encoder, Maps, Timm, TimmMaps, Vector
from multitask.errors import InputError
from multitask.sharing import (
    NDDR,
    CrossStitch,
    LearnedBranching,
    Sharing,
    Sluice,
    SoftSharing,
)
from multitask.tasks import Classification, Regression, Segmentation

from .conftest import Make, gate_gramian, separate_gramian

STITCHED = [CrossStitch, Sluice, NDDR, LearnedBranching]
ALONE: list[Any] = [
    partial(CrossStitch, own=1.0),
    partial(Sluice, own=1.0, orthogonality=0),
    partial(NDDR, own=1.0),
    partial(SoftSharing, weight=0),
]
TASKS = ["kind", "size", "place"]


def step(model: MultiTask, batch: dict[str, Tensor]) -> None:
    losses, _ = model.losses(model(batch["image"]), batch)
    learnt = [each for each in model.parameters() if each.requires_grad]
    gradients = torch.autograd.grad(losses.sum(), learnt, allow_unused=True)
    with torch.no_grad():
        for one, gradient in zip(learnt, gradients, strict=True):
            if gradient is not None:
                one -= 0.1 * gradient


@pytest.mark.parametrize("sharing", ALONE, ids=lambda each: each.func.__name__)
def test_without_mixing_they_are_networks_of_one_task(
    model: Make, batch: dict[str, Tensor], sharing: Any
) -> None:
    found = model(sharing)
    columns = [*found.encoder.columns.values()]  # type: ignore[operator, union-attr]
    for name, each in found.named_parameters():
        each.requires_grad_("mixture" not in name)
    singles = []
    for place, name in enumerate(TASKS):
        tasks = {"kind": Classification(3), "size": Regression(), "place": Regression(2)}
        single = MultiTask(MLP(12, hidden=[8], out_features=6), {name: tasks[name]}).double()
        single.encoder.load_state_dict(columns[place].state_dict())
        single.heads[name].load_state_dict(found.heads[name].state_dict())
        singles.append(single)
    for _ in range(5):
        for each in (found, *singles):
            step(each, batch)
    for column, single in zip(columns, singles, strict=True):
        for one, other in zip(column.parameters(), single.encoder.parameters(), strict=True):
            assert torch.equal(one, other)


@pytest.mark.parametrize("sharing", [*ALONE, SoftSharing], ids=str)
def test_equal_columns_without_mixing_are_hard_sharing(
    model: Make, batch: dict[str, Tensor], sharing: Any
) -> None:
    hard, found = model(), model(sharing)
    for column in found.encoder.columns.values():  # type: ignore[operator, union-attr]
        column.load_state_dict(hard.encoder.state_dict())
    found.heads.load_state_dict(hard.heads.state_dict())
    one, other = found(batch["image"]), hard(batch["image"])
    assert all(torch.equal(one[task], other[task]) for task in TASKS)


@pytest.mark.parametrize("sharing", [Sluice, NDDR, LearnedBranching])
def test_the_gate_sees_the_gradients_of_separate_passes(
    model: Make, batch: dict[str, Tensor], sharing: type[Sharing]
) -> None:
    found = model(sharing)
    assert_close(gate_gramian(found, batch), separate_gramian(found, batch), atol=1e-14, rtol=1e-10)


@pytest.mark.parametrize("sharing", STITCHED)
def test_mixing_tells_what_each_task_takes(model: Make, sharing: type[Sharing]) -> None:
    mixing = model(sharing).sharing.mixing()
    assert list(mixing) == ["after stage 1", "after stage 2"]
    own = 1 / 3 if sharing is LearnedBranching else 0.9
    for each in mixing.values():
        assert each.shares.dtype == torch.float32
        assert len(each.parts) == each.shares.shape[1]
        assert each.parts[0].startswith("network of kind")
        by_task = each.shares.unflatten(1, (3, -1)).sum(2)
        assert_close(by_task.diagonal(), torch.full((3,), own))
        assert_close(by_task.sum(1), torch.ones(3))


@pytest.mark.parametrize("sharing", [*STITCHED, SoftSharing])
def test_one_task_and_a_state_that_is_loaded_again(sharing: type[Sharing]) -> None:
    made = []
    for seed in range(2):
        torch.manual_seed(seed)
        encoder = MLP(4, hidden=[6], out_features=2)
        made.append(MultiTask(encoder, {"only": Regression()}, sharing=sharing).eval())
    one, two = made
    two.load_state_dict(one.state_dict())
    image = torch.rand(3, 1, 2, 2)
    assert torch.equal(one(image)["only"], two(image)["only"])
    assert all(
        float(each.shares.sum()) == pytest.approx(1) for each in two.sharing.mixing().values()
    )


@pytest.mark.parametrize("sharing", [*STITCHED, SoftSharing])
def test_maps_of_a_network_are_mixed_between_its_stages(sharing: type[Sharing]) -> None:
    torch.manual_seed(0)
    tasks: dict[str, Any] = {"kind": Classification(3), "mask": Segmentation(2)}
    encoder = TimmMaps("test_resnet", levels=[1, 2], in_channels=1)
    is_soft = sharing is SoftSharing
    balancer = FixedWeights() if is_soft else GradientBalancer(MGDA())
    found = MultiTask(encoder, tasks, balancer, sharing=sharing)
    if not is_soft:
        assert len(found.encoder.mixtures) == 2  # type: ignore[arg-type]
    batch = {"image": torch.rand(4, 1, 16, 16), "kind": torch.tensor([0, 1, 2, -100])}
    batch["mask"] = torch.randint(2, (4, 16, 16))
    losses, totals = found.losses(found(batch["image"]), batch)
    found.balancer(losses, totals[1] > 0).backward()
    assert all(each.grad is not None for each in found.encoder.parameters())
    assert all(each.shares.shape[0] == 2 for each in found.sharing.mixing().values())


def test_tokens_of_a_transformer_are_mixed() -> None:
    encoder = Timm("test_vit", options={"img_size": 32, "patch_size": 16})
    tasks = {"kind": Classification(3), "size": Regression()}
    found = MultiTask(encoder, tasks, sharing=NDDR)
    assert found.encoder.mixtures[0].shape == (2, 64, 128)  # type: ignore[index, union-attr]
    assert found(torch.rand(2, 3, 32, 32))["kind"].shape == (2, 3)


class OneStage(Encoder):
    """Has no stages."""

    def __init__(self) -> None:
        super().__init__()
        self.out_features, self.layer = 4, nn.Linear(4, 4)

    def forward(self, image: Tensor) -> Tensor:
        return self.layer(image.flatten(1))


class Untold(OneStage):
    """Has stages, but does not tell their features; the last has no weights."""

    def stages(self) -> list[nn.Module]:
        return [nn.Sequential(nn.Flatten(), self.layer), nn.ReLU()]


def test_it_is_said_that_features_are_mixed_at_the_end_only() -> None:
    with pytest.warns(UserWarning, match="OneStage has no stages between which features can be"):
        CrossStitch(Vector(4), ["a", "b"]).trunk(OneStage())


def test_refusals() -> None:
    with pytest.raises(InputError, match="has 2 stages but reports the features of 0; override"):
        NDDR(Vector(4), ["a", "b"]).trunk(Untold())
    with pytest.raises(InputError, match="a stage returns 5; choose an encoder with even numbers"):
        Sluice(Vector(4), ["a"]).trunk(MLP(4, hidden=[5], out_features=4))
    with pytest.raises(InputError, match="a stage returns 3; choose"):
        Sluice(Maps((4, 3), (2, 4)), ["a"])
    with pytest.raises(InputError, match="orthogonality is -1"):
        Sluice(Vector(4), ["a"], orthogonality=-1)
    with pytest.raises(InputError, match="temperature is 0"):
        LearnedBranching(Vector(4), ["a"], temperature=0)
    with pytest.raises(InputError, match="weight is nan"):
        SoftSharing(Vector(4), ["a"], weight=float("nan"))


@pytest.mark.parametrize("level", ["representation", "shared"])
def test_networks_without_anything_in_common_are_not_compared(model: Make, level: Any) -> None:
    with pytest.raises(InputError, match="each task has its own network"):
        model(SoftSharing, balancer=GradientBalancer(MGDA(), level))


def test_the_halves_of_a_sluice_are_kept_apart(model: Make) -> None:
    found = model(partial(Sluice, orthogonality=2.0))
    wanted = 0.0
    for column in found.encoder.columns.values():  # type: ignore[operator, union-attr]
        for layer in (column.layers[1], column.layers[4]):
            first, second = layer.weight.detach().chunk(2)
            wanted += 2 * float((first @ second.T).square().sum())
    penalty = found.sharing.penalty()
    assert penalty is not None
    assert penalty.item() == pytest.approx(wanted)
    assert model(partial(Sluice, orthogonality=0)).sharing.penalty() is None


def test_the_distance_of_networks_is_penalised(model: Make) -> None:
    found = model(partial(SoftSharing, weight=0.5))
    networks = [*found.encoder.columns.values()]  # type: ignore[operator, union-attr]
    penalty = found.sharing.penalty()
    assert penalty is not None
    assert penalty.item() == 0
    with torch.no_grad():
        for each in networks[1].parameters():
            each += 1
    size = sum(each.numel() for each in networks[0].parameters())
    penalty = found.sharing.penalty()
    assert penalty is not None
    # Of three pairs two are at a distance.
    assert penalty.item() == pytest.approx(0.5 * 2 * size)
    assert float(found.sharing.mixing()["stage 1"].shares[0, 2]) == pytest.approx(1)
    assert float(found.sharing.mixing()["stage 1"].shares[0, 1]) < 1


def test_a_branch_is_drawn_by_the_seed_and_the_step(model: Make, batch: dict[str, Tensor]) -> None:
    one, two = model(LearnedBranching), model(LearnedBranching)
    two.load_state_dict(one.state_dict())
    torch.manual_seed(5)
    state = torch.get_rng_state()
    drawn = []
    for step_number in (0, 1, 1, 100_000):
        for each in (one, two):
            each.sharing.begin_step(step_number)
        assert torch.equal(one(batch["image"])["size"], two(batch["image"])["size"])
        drawn.append(one.sharing.noise.clone())  # type: ignore[union-attr]
    assert torch.equal(torch.get_rng_state(), state)
    assert torch.equal(drawn[1], drawn[2])
    assert not torch.equal(drawn[0], drawn[1])
    assert float(one.sharing.temperature) == pytest.approx(0.1)  # type: ignore[arg-type]


def test_each_network_has_one_parent_in_evaluation(model: Make, batch: dict[str, Tensor]) -> None:
    found = model(LearnedBranching).eval()
    with torch.no_grad():
        found.encoder.mixtures[0][:, 1] = 1  # type: ignore[index, operator, union-attr]
        found.sharing.mixture[:, 2] = 1  # type: ignore[index, operator]
    columns = found.encoder.columns  # type: ignore[union-attr]
    first, _ = columns["1"].stages()  # type: ignore[index, operator]
    _, last = columns["2"].stages()  # type: ignore[index, operator]
    representation = last(first(batch["image"]))
    wanted = found.heads["size"](representation)
    assert_close(found(batch["image"])["size"], wanted)


def test_finer_maps_that_no_head_reads_have_mixtures_with_gradients() -> None:
    tasks = {"kind": Classification(3), "more": Classification(2)}
    found = MultiTask(TimmMaps("test_resnet", levels=[0, 1], in_channels=1), tasks, sharing=NDDR)
    outputs = found(torch.rand(2, 1, 16, 16))
    sum(each.sum() for each in outputs.values()).backward()  # type: ignore[union-attr]
    assert all(each.grad is not None for each in found.parameters())


def test_a_checkpoint_keeps_the_seed_of_what_branching_draws(model: Make) -> None:
    def noise(found: MultiTask, at: int) -> Tensor:
        found.sharing.begin_step(at)  # type: ignore[attr-defined]
        return found.sharing.noise.clone()  # type: ignore[union-attr, operator]

    one = model(LearnedBranching)
    torch.manual_seed(5)
    # A resumed run may have drawn other numbers before it builds its model.
    other = MultiTask(
        MLP(12, hidden=[8], out_features=6), dict(one.named_tasks), sharing=LearnedBranching
    )
    other.double()
    assert not torch.equal(noise(one, 3), noise(other, 3))
    other.load_state_dict(one.state_dict())
    assert torch.equal(noise(one, 3), noise(other, 3))


def test_the_temperature_falls_with_the_root_of_the_steps(model: Make) -> None:
    found: Any = model(partial(LearnedBranching, temperature=4.0)).sharing
    for step_, expected in ((0, 4.0), (3, 2.0), (99, 0.4), (10**6, 0.1)):
        found.begin_step(step_)
        assert float(found.temperature) == pytest.approx(expected)
