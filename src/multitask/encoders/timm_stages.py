"""The stages of timm models whose parts run one after the other."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from torch import nn

from multitask.encoders.chain import chain
from multitask.encoders.stages import Plan, planned


def timm_plans(
    network: nn.Module, channels: int, options: Mapping[str, Any] | None, channels_last: bool
) -> list[Plan]:
    """Divide a timm model where timm extracts its maps.

    Args:
        network: the model, or timm's wrapper that returns its maps.
        channels: channels of the images.
        options: options that it was created with.
        channels_last: whether its maps are ``[batch, height, width, channels]``.

    Returns:
        The stages; none if the model does not run as a chain, or has no intermediate maps.
    """
    info: Any = getattr(network, "feature_info", None) or []
    known: list[dict[str, Any]] = getattr(info, "info", info)
    ends = {each["module"]: each["num_chs"] for each in known if each.get("module")}
    # A network that returns maps has the modules of a container as its own children.
    ends |= {name.replace(".", "_"): size for name, size in ends.items()}
    parts = chain(network, (channels, *_sides(network, options or {})), ends.keys())
    return planned(parts, ends, channels_last)


def _sides(network: nn.Module, options: Mapping[str, Any]) -> tuple[int, int]:
    """Height and width of images that a model accepts."""
    config: Any = getattr(network, "pretrained_cfg", None) or {}
    given = options.get("img_size") or (config.get("input_size") or (3, 224, 224))[1:]
    height, width = (given, given) if isinstance(given, int) else given
    return int(height), int(width)
