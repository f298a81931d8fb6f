"""What the parts of a model of Hugging Face are: its layers, its places, what it does not use."""

from __future__ import annotations

import re
from typing import Any

from torch import Tensor, nn

PLACES = re.compile(r"(^|\.)(position_embeddings?|embed_positions|wpe)$")
"""Names of what a model has a vector in for each place."""


def depths_of(encoder: nn.Module) -> dict[str, int]:
    """Number the parameters by layers: before them, each of them, behind them.

    Args:
        encoder: has the model somewhere within.

    Returns:
        The number of each parameter's layer by its name, from 0 at the inputs, without gaps.
    """
    names = [name for name, _ in encoder.named_parameters()]
    prefix, count = _layers_of(encoder)
    if not count:
        return dict.fromkeys(names, 0)
    first = next((place for place, name in enumerate(names) if name.startswith(prefix)), 0)

    def depth(place: int, name: str) -> int:
        if name.startswith(prefix):
            return 1 + int(name.removeprefix(prefix).partition(".")[0])
        return 0 if place < first else 1 + count

    found = {name: depth(place, name) for place, name in enumerate(names)}
    places = {layer: place for place, layer in enumerate(sorted({*found.values()}))}
    return {name: places[layer] for name, layer in found.items()}


def _layers_of(encoder: nn.Module) -> tuple[str, int]:
    """Beginning of the names of the layers, and their number; those that hold most parameters."""
    lists = {
        name: (sum(each.numel() for each in part.parameters()), len(part))
        for name, part in encoder.named_modules()
        if isinstance(part, nn.ModuleList) and len(part)
    }
    # The outermost of lists with the same parameters comes first.
    name = max(lists, key=lambda each: lists[each][0], default="")
    return f"{name}.", lists[name][1] if lists else 0


def places_of(network: nn.Module) -> int | None:
    """The most tokens that a model takes; None if it has no vector for each place.

    Args:
        network: the model.
    """
    found = []
    for name, part in network.named_modules():
        if isinstance(part, nn.Embedding) and PLACES.search(name):
            # Some count places behind that of the padding, others have an offset of their own.
            padding = -1 if part.padding_idx is None else part.padding_idx
            found.append(part.num_embeddings - max(padding + 1, getattr(part, "offset", 0)))
    return min(found, default=None)


def unreached(network: nn.Module, output: Tensor) -> list[nn.Parameter]:
    """Parameters on which an output does not depend, for whose gradients DDP would wait.

    Args:
        network: what has computed the output.
        output: of two tokens. Experts, of which each token reaches some, count as reached.
    """
    waiting: list[Any] = [output.grad_fn]
    seen, reached = set(), set()
    while waiting:
        node = waiting.pop()
        if node is None or node in seen:
            continue
        seen.add(node)
        if hasattr(node, "variable"):
            reached.add(id(node.variable))
        waiting += [each for each, _ in node.next_functions]
    return [
        each
        for name, each in network.named_parameters()
        if id(each) not in reached and ".experts." not in name
    ]
