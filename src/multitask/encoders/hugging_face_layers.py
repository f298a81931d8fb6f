"""Parts of a Hugging Face model: its layers, its positions, and unused parameters."""

from __future__ import annotations

import re
from typing import Any

from torch import Tensor, nn

PLACES = re.compile(r"(^|\.)(position_embeddings?|embed_positions|wpe)$")
"""Names of position embeddings."""


def depths_of(encoder: nn.Module) -> dict[str, int]:
    """Number the parameters by layer: before the layers, in each of them, and after them.

    Args:
        encoder: a module that contains the model.

    Returns:
        Parameter name to the number of its layer, from 0 at the inputs, without gaps.
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
    """Prefix of the layers' names, and their number; for the list with the most parameters."""
    lists = {
        name: (sum(each.numel() for each in part.parameters()), len(part))
        for name, part in encoder.named_modules()
        if isinstance(part, nn.ModuleList) and len(part)
    }
    # Of lists with the same parameters, the outermost comes first.
    name = max(lists, key=lambda each: lists[each][0], default="")
    return f"{name}.", lists[name][1] if lists else 0


def places_of(network: nn.Module) -> int | None:
    """The maximum number of tokens of a model; None if it has no position embeddings.

    Args:
        network: the model.
    """
    found = []
    for name, part in network.named_modules():
        if isinstance(part, nn.Embedding) and PLACES.search(name):
            # Some models count positions from the padding index, others have a different offset.
            padding = -1 if part.padding_idx is None else part.padding_idx
            found.append(part.num_embeddings - max(padding + 1, getattr(part, "offset", 0)))
    return min(found, default=None)


def unreached(network: nn.Module, output: Tensor) -> list[nn.Parameter]:
    """Parameters that an output does not depend on, for whose gradients DDP would wait.

    Args:
        network: the module that computed the output.
        output: output for two tokens. Experts count as reached, although each token reaches only
            some.
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
