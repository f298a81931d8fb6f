"""How similar the layers of networks are: centred kernel alignment."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn

FEWEST = 4
"""Samples without which the estimate is not defined."""


def alignment(first: Tensor, second: Tensor) -> float:
    """Linear CKA (Kornblith et al., 2019, section 3) with the unbiased estimate of HSIC (Song et
    al., 2012, equation 5), which does not grow with the number of features.

    Args:
        first: features, ``[samples, features]``, at least 4 samples.
        second: other features of the same samples.

    Returns:
        1 if one is a rotation and a scaling of the other, about 0 if they have nothing in common;
        NaN if one of them does not vary.
    """
    return aligned(gram(first), gram(second))


def gram(features: Tensor) -> Tensor:
    """Inner products of the samples, without those of a sample with itself; float64.

    Args:
        features: first axis ``[samples]``.
    """
    flat = features.flatten(1).double()
    flat = flat - flat.mean(0)
    return (flat @ flat.T).fill_diagonal_(0)


def aligned(first: Tensor, second: Tensor) -> float:
    """CKA of what `gram` returned.

    Args:
        first: ``[samples, samples]``.
        second: of the same samples.
    """
    size = _hsic(first, first) * _hsic(second, second)
    return float(_hsic(first, second) / size.sqrt()) if size > 0 else float("nan")


def _hsic(first: Tensor, second: Tensor) -> Tensor:
    count = len(first)
    both = (first * second).sum() + first.sum() * second.sum() / ((count - 1) * (count - 2))
    return (both - 2 / (count - 2) * (first.sum(0) @ second.sum(0))) / (count * (count - 3))


def layer_grams(network: nn.Module, run: Callable[[], object], most: int) -> dict[str, Tensor]:
    """Inner products of the samples in each layer of a network, in the order of computation.

    Args:
        network: its convolutions and linear layers are looked at; of more than ``most``, some of
            them, evenly spaced, among them the first and the last.
        run: sends the samples through the network once, in one batch.
        most: layers.
    """
    found: dict[str, Tensor] = {}

    def keep(name: str) -> Callable[..., None]:
        def hook(module: nn.Module, inputs: object, output: Tensor) -> None:
            found.setdefault(name, output.detach())

        return hook

    kinds = (nn.Conv2d, nn.Linear)
    hooks = [
        each.register_forward_hook(keep(name))
        for name, each in network.named_modules()
        if isinstance(each, kinds)
    ]
    try:
        with torch.no_grad():
            run()
    finally:
        for each in hooks:
            each.remove()
    names = list(found)
    if len(names) > most:
        places = torch.linspace(0, len(names) - 1, most).round().long().unique().tolist()
        names = [names[place] for place in places]
    return {name: gram(found[name]).cpu() for name in names}
