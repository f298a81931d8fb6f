"""Agreement of the tasks' gradients in the shared layers."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations

import torch
from torch import Tensor, nn

from multitask.module import Batch, MultiTask

RESAMPLES = 400


@dataclass(frozen=True)
class LayerCosine:
    """Cosine of two tasks' gradients in one layer.

    Args:
        layer: name of the layer.
        first: a task.
        second: another task.
        cosine: cosine of the gradients of the two losses over all samples, from -1 to 1.
        low: lower end of the 95 % bootstrap interval over batches.
        high: upper end of the interval.
    """

    layer: str
    first: str
    second: str
    cosine: float
    low: float
    high: float


def layer_cosines(
    model: MultiTask, batches: Sequence[Batch], seed: int = 0, tasks: Sequence[str] | None = None
) -> list[LayerCosine]:
    """Compare the gradients of each pair of tasks, for each layer that they share.

    The model is in evaluation mode: batch normalisation keeps its statistics, and no balancer
    changes a gradient.

    Args:
        model: the model, on the device of the batches.
        batches: batches with targets; samples without a label of a task do not contribute to its
            gradient.
        seed: seed of the intervals.
        tasks: names of the tasks that have targets; default: all.

    Returns:
        For each layer, from the first to the last, each pair of tasks that both reach it.
    """
    layers, names = _layers(model.encoder), list(tasks or model.named_tasks)
    before = [each.requires_grad for each in model.parameters()]
    model.requires_grad_(True)
    try:
        with torch.enable_grad():
            # By layer, [tasks, batches, parameters].
            found = [_gradients(model, layers, batch, names) for batch in batches]
    finally:
        for each, was in zip(model.parameters(), before, strict=True):
            each.requires_grad_(was)
    generator = torch.Generator().manual_seed(seed)
    draws = torch.randint(len(batches), (RESAMPLES, len(batches)), generator=generator)
    counts = torch.nn.functional.one_hot(draws, len(batches)).sum(1).double()
    cosines: list[LayerCosine] = []
    for place, name in enumerate(layers):
        stacked = torch.stack([each[place] for each in found], 1)
        cosines += _compared(name, names, stacked, counts)
    return cosines


def _layers(encoder: nn.Module) -> dict[str, list[nn.Parameter]]:
    """Parameters of each module that has some of its own, by the name of the module."""
    owners = {
        name or type(each).__name__: [*each.parameters(recurse=False)]
        for name, each in encoder.named_modules()
    }
    # A single vector (a bias, a normalisation) belongs to the preceding layer.
    return {name: each for name, each in owners.items() if any(one.ndim > 1 for one in each)}


def _gradients(
    model: MultiTask, layers: dict[str, list[nn.Parameter]], batch: Batch, names: Sequence[str]
) -> list[Tensor]:
    outputs = model(*model.inputs_of(batch))
    pairs = [model.named_tasks[name].loss(outputs[name], batch[name]) for name in names]
    # A batch without a label of a task gives sums of 0.
    losses = [
        total / weights.clamp_min(torch.finfo(weights.dtype).tiny) for total, weights in pairs
    ]
    flat = [each for group in layers.values() for each in group]
    rows: list[list[Tensor]] = []
    for loss in losses:
        given = torch.autograd.grad(loss, flat, retain_graph=True, allow_unused=True)
        known = zip(flat, given, strict=True)
        left = iter([torch.zeros_like(one) if each is None else each for one, each in known])
        rows.append([_joined(left, len(group)) for group in layers.values()])
    return [torch.stack(each) for each in zip(*rows, strict=True)]


def _joined(left: Iterator[Tensor], count: int) -> Tensor:
    return torch.cat([next(left).flatten() for _ in range(count)]).detach().double().cpu()


def _compared(
    layer: str, tasks: Sequence[str], gradients: Tensor, counts: Tensor
) -> Iterator[LayerCosine]:
    """Cosines of sums over batches, and over resampled batches.

    Args:
        layer: name of the layer.
        tasks: names of the tasks.
        gradients: gradients, ``[tasks, batches, parameters]``.
        counts: how often each batch is drawn, ``[draws, batches]``.
    """
    # The inner products of all batches determine those of all sums of batches.
    products = torch.einsum("ibp,jcp->ijbc", gradients, gradients)
    for one, two in combinations(range(len(tasks)), 2):
        inner, own, other = (
            torch.einsum("db,bc,dc->d", counts, products[at], counts)
            for at in ((one, two), (one, one), (two, two))
        )
        if not products[one, one].any() or not products[two, two].any():
            # The task does not reach this layer.
            continue
        drawn = inner / (own * other).sqrt()
        low, high = drawn.nanquantile(torch.tensor([0.025, 0.975], dtype=torch.float64)).tolist()
        sizes = products[one, one].sum() * products[two, two].sum()
        cosine = float(products[one, two].sum() / sizes.sqrt())
        yield LayerCosine(layer, tasks[one], tasks[two], cosine, low, high)
