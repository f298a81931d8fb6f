"""A new encoder with the settings of another, and random weights."""

from __future__ import annotations

from typing import Any

from torch import nn

from multitask.checkpoints.source import weights_are_in
from multitask.encoders import Encoder
from multitask.encoders.normalisation import Normalisation
from multitask.errors import InputError


def fresh_encoder(encoder: Encoder) -> Encoder:
    """Build a new encoder with the settings of another one.

    It shares no weights with the other, not even pretrained ones. Images are normalised as by the
    other.

    Args:
        encoder: the encoder with the settings.

    Returns:
        On the device of the other, in its precision.

    Raises:
        InputError: if the encoder was given a network, which cannot be rebuilt.
    """
    with weights_are_in(None, downloads=False):
        made = _made(encoder)
    for name, each in encoder.named_modules():
        if isinstance(each, Normalisation):
            made.get_submodule(name).load_state_dict(each.state_dict())
    like = next(encoder.parameters(), None)
    return made if like is None else made.to(like.device, like.dtype)


def _made(encoder: Encoder) -> Encoder:
    settings = {name: _anew(each, encoder) for name, each in encoder._arguments.items()}
    if "pretrained" in settings:
        settings["pretrained"] = False
    return type(encoder)(**settings)


def _anew(setting: Any, encoder: Encoder) -> Any:
    if isinstance(setting, Encoder):
        return _made(setting)
    if isinstance(setting, nn.Module):
        raise InputError(
            f"the encoder {type(encoder).__name__} was given a network, which cannot be rebuilt "
            "with random weights; let it build the network from settings"
        )
    if isinstance(setting, list | tuple):
        return type(setting)(_anew(each, encoder) for each in setting)
    return setting
