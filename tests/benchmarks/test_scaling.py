"""The formulas of scaling say what is counted, and the page says what the formulas say."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest
import scaling_formulas as formulas
import scaling_tables as tables
import timm
import torch
from cli.forked_program import forkserver
from scaling_traffic import Case, measure, network_of
from torch import Tensor, nn
from torch.autograd.graph import saved_tensors_hooks
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils.flop_counter import FlopCounterMode
from torchjd.aggregation import MoDoWeighting
from torchjd.scalarization import FAMO, UW

from multitask.balancing import GradDrop, GradientBalancer, Scalarized
from multitask.balancing.gate import gate
from multitask.balancing.task_gradients import TaskGradients
from multitask.balancing.weightings import IMTLG
from multitask.encoders import MLP, Timm

PAGE = Path(__file__).parents[2] / "docs/scaling.md"
TASKS, PROCESSES = 3, 2
LAYER = 48 * 512
KINDS = {
    "plain": (formulas.PLAIN, None, None),
    "UW": (formulas.LOSSES, partial(Scalarized, UW(TASKS)), None),
    "FAMO": (formulas.LOSSES_AFTER, partial(Scalarized, FAMO(TASKS)), None),
    "representation": (formulas.REPRESENTATION, partial(GradientBalancer, IMTLG()), None),
    "GradDrop": (formulas.SIGNS, partial(GradientBalancer, GradDrop()), None),
    "shared": (formulas.SHARED, partial(GradientBalancer, IMTLG(), "shared"), None),
    "every 3": (formulas.shared(3), partial(GradientBalancer, IMTLG(), "shared", every=3), None),
    "MoDo": (formulas.shared(1, 2), partial(GradientBalancer, MoDoWeighting(), "shared"), None),
    "one layer": (formulas.SHARED, partial(GradientBalancer, IMTLG(), "shared", "layers.1"), LAYER),
}


def case(name: str) -> Case:
    kind, balancer, _ = KINDS[name]
    encoder = partial(MLP, 48, [512, 128], 64)
    return Case(name, encoder, (8, 3, 4, 4), TASKS, balancer, steps=kind.every)


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc/self/io").exists(), reason="only Linux counts what is written")
def test_bytes_that_two_processes_exchange_are_the_formulas() -> None:
    # Before the benchmark, which would have it import less than later tests need.
    forkserver()
    found = dict(zip(KINDS, measure([case(name) for name in KINDS], PROCESSES), strict=True))
    networks = {name: network_of(case(name).model()) for name in KINDS}
    reduced = {
        name: formulas.reduced_bytes(networks[name], TASKS, kind, compared)
        for name, (kind, _, compared) in KINDS.items()
    }
    # How many samples each process has.
    reduced["MoDo"] += 8 * PROCESSES
    assert {name: each.reduced for name, each in found.items()} == pytest.approx(reduced, abs=1e-6)
    broadcast = {name: formulas.broadcast_bytes(network) for name, network in networks.items()}
    assert {name: each.broadcast for name, each in found.items()} == broadcast
    assert {name: each.other for name, each in found.items()} == dict.fromkeys(KINDS, 0)
    for name, each in found.items():
        sent = formulas.sent_bytes(each.reduced, PROCESSES, each.broadcast)
        # Through the sockets go headers too.
        assert sent < each.sent < 1.05 * sent, name


def test_a_ring_sends_each_part_to_all_others_twice() -> None:
    parts = 8
    # Summing, then handing round: in each of 7 hops a process passes one of 8 parts on.
    assert formulas.sent_bytes(1000, parts) == pytest.approx(2 * 7 * 1000 / 8)
    assert formulas.sent_bytes(0, parts, broadcast=1000) * parts == pytest.approx(7 * 1000)


def test_time_is_that_of_the_bytes_and_of_the_hops() -> None:
    link = formulas.Link(1024, bandwidth=1e9, latency=1e-3)
    assert link.seconds(0, collectives=3) == pytest.approx(3 * 20e-3)
    assert link.seconds(512e9) == pytest.approx(1023 + 20e-3)


@pytest.mark.parametrize("tasks", [2, 5, 10, 20])
def test_representation_adds_less_than_one_percent_to_what_resnet18_sends(tasks: int) -> None:
    network = network_of(Case("", partial(Timm, "resnet18"), (2, 3, 64, 64), tasks).model())
    plain = formulas.reduced_bytes(network, tasks)
    assert plain > 4 * 11.1e6
    assert formulas.reduced_bytes(network, tasks, formulas.REPRESENTATION) < 1.01 * plain


def test_parameters_of_a_vision_transformer_are_timms() -> None:
    with torch.device("meta"):
        network = timm.create_model("vit_large_patch16_224", num_classes=0)
    assert tables.VIT_L.parameters == sum(each.numel() for each in network.parameters())
    assert tables.VIT_L.block == sum(each.numel() for each in network.blocks[-1].parameters())
    assert tables.VIT_L.tokens == network.pos_embed.shape[1]


def small_transformer() -> tuple[formulas.VisionTransformer, nn.Module]:
    sizes = formulas.VisionTransformer(depth=3, width=128, heads=4)
    options = {"embed_dim": sizes.width, "depth": sizes.depth, "num_heads": sizes.heads}
    return sizes, timm.create_model("vit_base_patch16_224", num_classes=0, **options)


def saved_bytes(network: nn.Module, images: int, bf16: bool) -> int:
    """Memory of all tensors that the forward pass keeps, each once."""
    saved: dict[int, Tensor] = {}

    def save(values: Tensor) -> Tensor:
        saved[values.untyped_storage().data_ptr()] = values
        return values

    with (
        torch.autocast("cpu", torch.bfloat16, enabled=bf16),
        saved_tensors_hooks(save, lambda v: v),
    ):
        network(torch.rand(images, 3, 224, 224))
    return sum(each.untyped_storage().nbytes() for each in saved.values())


@pytest.mark.parametrize("bf16", [False, True])
def test_activations_are_what_autograd_saves(bf16: bool) -> None:
    sizes, network = small_transformer()
    # Weights, and their copies in bfloat16, are among what is saved, but do not grow.
    found = saved_bytes(network, 6, bf16) - saved_bytes(network, 2, bf16)
    # Then the float32 batch is not saved, but there.
    batch = 4 * 3 * 224**2 * 4 if bf16 else 0
    assert found + batch == pytest.approx(sizes.activation_bytes(4, bf16), rel=0.002)


def test_checkpointing_keeps_the_inputs_of_blocks_and_one_block() -> None:
    sizes = tables.VIT_L
    kept = [sizes.activation_bytes(1, False, checkpointed) for checkpointed in (False, True)]
    one_block = kept[0] - replace(sizes, depth=sizes.depth - 1).activation_bytes(1, False)
    without = replace(sizes, depth=0).activation_bytes(1, False)
    inputs = 24 * 197 * 1024 * 4
    assert kept[1] == pytest.approx(without + inputs + one_block)


def test_operations_are_torchs_count() -> None:
    sizes, network = small_transformer()
    with FlopCounterMode(display=False) as counter, sdpa_kernel(SDPBackend.MATH):
        network(torch.rand(2, 3, 224, 224)).sum().backward()
    assert counter.get_total_flops() / 2 == sizes.operations


def test_ddp_keeps_five_numbers_a_parameter() -> None:
    network = nn.Linear(100, 100, bias=False)
    optimizer = torch.optim.AdamW(network.parameters())
    network(torch.rand(2, 100)).sum().backward()
    optimizer.step()
    state = optimizer.state[network.weight]
    averages = [value for value in state.values() if value.ndim]
    assert network.weight.grad is not None
    kept = sum(each.nbytes for each in [network.weight, network.weight.grad, *averages])
    buckets = network.weight.nbytes
    assert formulas.state_bytes(network.weight.numel(), bf16=False) == kept + buckets
    in_bf16 = network.weight.bfloat16().nbytes
    assert formulas.state_bytes(network.weight.numel(), bf16=True) == kept + buckets + in_bf16


def test_fsdp_divides_parameters_and_averages_and_holds_two_whole_copies() -> None:
    assert formulas.state_bytes(1000, bf16=False, shards=10) == 4 * (3 * 100 + 2 * 1000)
    assert formulas.state_bytes(1000, False, shards=10, block=50) == 4 * (4 * 100 + 4 * 50)


def test_balancing_keeps_what_the_formulas_say() -> None:
    encoder = MLP(48, [16], 8)
    balancer = GradientBalancer(IMTLG(), "shared")
    balancer.check(["a", "b", "c"])
    balancer.connect(encoder)
    seen: list[TaskGradients] = []

    def receive(gradients: TaskGradients) -> list[Tensor | None]:
        seen.append(gradients)
        return balancer.combine(gradients)

    views = gate(encoder(torch.rand(5, 3, 4, 4)), ["a", "b", "c"], receive)
    loss = sum(((k + 1) * view**2).mean() for k, view in enumerate(views.values()))
    torch.as_tensor(loss).backward()
    (rows,) = seen[0].rows
    assert rows is not None
    # Once as they come, and once in one piece.
    assert formulas.representation_bytes(3, 5, 8) == 2 * rows.nbytes
    shared = balancer.level.shared
    jacobian, size = seen[0].jacobian(shared), sum(each.nbytes for each in shared)
    assert formulas.shared_bytes(3, size // 4) == jacobian.nbytes + 2 * size
    remembering = formulas.shared_bytes(3, size // 4, remembered=True)
    assert remembering == 5 * jacobian.nbytes + 2 * size


@pytest.mark.parametrize("make", tables.TABLES, ids=lambda make: make.__name__)
def test_tables_of_the_page_are_the_formulas(make: Callable[[], str]) -> None:
    assert f"\n\n{make()}\n\n" in PAGE.read_text()


@pytest.mark.parametrize("statement", tables.statements())
def test_numbers_in_the_text_are_the_formulas(statement: str) -> None:
    assert statement in " ".join(PAGE.read_text().split())


def test_amounts_have_three_digits_and_a_unit() -> None:
    sizes = [0, 160, 6400, 999_600, 48.53e9, 1.0e15]
    assert [*map(tables.amount, sizes)] == ["0 B", "160 B", "6.4 kB", "1 MB", "48.5 GB", "1 000 TB"]
