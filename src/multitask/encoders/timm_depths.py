"""The layers into which timm divides its models."""

from __future__ import annotations

from typing import Any

from torch import nn


def timm_depths(network: nn.Module, whole: Any, prefix: str) -> dict[str, int]:
    """Number the layers of a timm model, as timm does for layer-wise learning rates.

    Args:
        network: the model, or timm's wrapper that returns its maps.
        whole: the model itself, on any device.
        prefix: prefix of the parameters' names in the result.

    Returns:
        Parameter name to the number of its layer, from 0 at the inputs, without gaps; empty if timm
        does not divide the model.
    """
    if not hasattr(whole, "group_matcher"):
        return {}
    # The import is slow, and runs with other encoders do not need it.
    from timm.models import group_parameters

    layers = group_parameters(whole, whole.group_matcher(coarse=False), reverse=True)
    known: dict[str, int] = {}
    for name, layer in layers.items():
        # A wrapper that returns maps contains the model, or the model without one of its
        # containers.
        known |= dict.fromkeys((f"model.{name}", name.replace(".", "_", 1), name), layer)
    top = max(layers.values())
    found = {name: known.get(name, top) for name, _ in network.named_parameters()}
    places = {layer: place for place, layer in enumerate(sorted({*found.values()}))}
    return {f"{prefix}{name}": places[layer] for name, layer in found.items()}
