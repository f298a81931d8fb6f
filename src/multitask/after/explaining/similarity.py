"""Similarity of the layers of networks: centred kernel alignment."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import torch
from torch import Tensor, nn

FEWEST = 4
"""Fewest samples for which the estimate is defined."""
KINDS = (nn.Conv2d, nn.Conv1d, nn.Linear)
COLUMNS = 2**16
"""Number of features that are multiplied at a time."""


def alignment(first: Tensor, second: Tensor) -> float:
    """Compute linear CKA (Kornblith et al., 2019, section 3).

    It uses the unbiased estimate of HSIC (Song et al., 2012, equation 5), which does not grow with
    the
    number of features.

    Args:
        first: features, ``[samples, features]``, at least 4 samples.
        second: other features of the same samples.

    Returns:
        1 if one is a rotation and scaling of the other, about 0 if they have nothing in common; NaN
        if one of them does not vary.
    """
    return aligned(gram(first), gram(second))


def gram(features: Tensor) -> Tensor:
    """Inner products between different samples, with zeros on the diagonal; float64.

    Args:
        features: features, first axis ``[samples]``.
    """
    found = torch.zeros(len(features), len(features), dtype=torch.float64, device=features.device)
    # In chunks, since the first layers have millions of features for large images.
    for part in features.flatten(1).split(COLUMNS, 1):
        centred = part.double()
        centred = centred - centred.mean(0)
        found += centred @ centred.T
    return found.fill_diagonal_(0)


def aligned(first: Tensor, second: Tensor) -> float:
    """CKA of two results of `gram`.

    Args:
        first: inner products, ``[samples, samples]``.
        second: inner products of the same samples.
    """
    size = _hsic(first, first) * _hsic(second, second)
    return float(_hsic(first, second) / size.sqrt()) if size > 0 else float("nan")


def _hsic(first: Tensor, second: Tensor) -> Tensor:
    count = len(first)
    both = (first * second).sum() + first.sum() * second.sum() / ((count - 1) * (count - 2))
    return (both - 2 / (count - 2) * (first.sum(0) @ second.sum(0))) / (count * (count - 3))


def layer_grams(network: nn.Module, inputs: Sequence[Tensor], most: int) -> dict[str, Tensor]:
    """Inner products of the samples in each layer of a network, in order of computation.

    Args:
        network: its convolutions and linear layers are compared; if there are more than ``most``,
            evenly spaced ones are chosen, including the first and the last.
        inputs: inputs of the network; first axis ``[samples]``.
        most: largest number of layers.
    """
    known = {name: each for name, each in network.named_modules() if isinstance(each, KINDS)}
    # Number of rows per sample in each layer: windows of an image may be separate rows.
    rows: dict[str, int] = {}
    single = [each[:1] for each in inputs]
    _run(network, single, known, lambda name, output: rows.setdefault(name, len(output)))
    names = list(rows)
    if len(names) > most:
        places = torch.linspace(0, len(names) - 1, most).round().long().unique().tolist()
        names = [names[place] for place in places]
    count = len(inputs[0])
    found: dict[str, Tensor] = {}

    def keep(name: str, output: Tensor) -> None:
        # Otherwise, the first axis is not the sample axis.
        if name not in found and len(output) == count * rows[name]:
            found[name] = gram(output.reshape(count, -1)).cpu()

    _run(network, inputs, {name: known[name] for name in names}, keep)
    return found


def _run(
    network: nn.Module,
    inputs: Sequence[Tensor],
    layers: Mapping[str, nn.Module],
    see: Callable[[str, Tensor], object],
) -> None:
    def hook(name: str) -> Callable[..., None]:
        def seen(module: nn.Module, given: object, output: Tensor) -> None:
            see(name, output.detach())

        return seen

    hooks = [each.register_forward_hook(hook(name)) for name, each in layers.items()]
    try:
        with torch.no_grad():
            network(*inputs)
    finally:
        for each in hooks:
            each.remove()
