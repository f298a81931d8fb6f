"""Pretrained weights for timm models: timm's own, or those of a file or the hub."""

from __future__ import annotations

import hashlib
import logging
import re
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from torch import Tensor, nn

from multitask.checkpoints.named_checkpoint import named_checkpoint
from multitask.checkpoints.source import DOWNLOADS, Source, source_of
from multitask.checkpoints.weight_file import read_weights
from multitask.configuration.trust import ANOTHER, refuse_for_stranger
from multitask.errors import InputError
from multitask.pages.words import counted, listed

HUB = "hf-hub:"
OVERLAY = "pretrained_cfg_overlay"
SIZE = re.compile(
    r"size mismatch for (\S+): .*?torch\.Size\((\[.*?\])\).*?torch\.Size\((\[.*?\])\)"
)


def settings_of_weights(
    name: str, pretrained: bool | str, given: Mapping[str, Any] | None
) -> dict[str, Any]:
    """The arguments of ``timm.create_model`` about pretrained weights.

    Args:
        name: timm's name of the model.
        pretrained: whether to use timm's weights; or the path of a file, or ``hf-hub:`` and an id.
        given: the user's ``pretrained_cfg_overlay`` for ``timm.create_model``.

    Raises:
        InputError: if the file has no weights.
    """
    if isinstance(pretrained, str) and not pretrained:
        raise InputError(
            "pretrained is empty; give true, false, a file, or hf-hub: followed by an id"
        )
    if not pretrained or not DOWNLOADS.get():
        return {"pretrained": False}
    if pretrained is True:
        return {"pretrained": True}
    if pretrained.startswith(HUB):
        return {"pretrained": True, "pretrained_cfg": _of_hub(name, pretrained)}
    try:
        refuse_for_stranger(ANOTHER)
        weights = read_weights(Path(pretrained))
    except InputError as error:
        hub = ""
        if re.fullmatch(r"[\w.-]+/[\w.-]+", pretrained) and not Path(pretrained).exists():
            hub = f"; weights of the hub are {HUB}{pretrained}"
        raise InputError(f"pretrained={pretrained}: {error}{hub}") from error
    # A number of classes that no model has, so that timm skips the classifier.
    own = {"state_dict": weights, "custom_load": False, "num_classes": -1}
    return {"pretrained": True, OVERLAY: {**(given or {}), **own}}


def taken_from(network: nn.Module, pretrained: bool | str) -> Source | None:
    """Report which weights of a file a timm model uses.

    Args:
        network: the model, created with `settings_of_weights`.
        pretrained: see `settings_of_weights`.

    Returns:
        The file; None if there was none.

    Raises:
        InputError: if the model uses none of its weights.
    """
    if not isinstance(pretrained, str) or pretrained.startswith(HUB) or not DOWNLOADS.get():
        return None
    network.pretrained_cfg.pop("state_dict", None)  # type: ignore[union-attr, operator]
    own = {key: each for key, each in network.state_dict().items() if each.is_floating_point()}
    known = set(map(_digest, read_weights(Path(pretrained)).values()))
    others = [key for key, each in own.items() if _digest(each) not in known]
    if all(own[key].ndim < 2 or key in others for key in own):
        raise InputError(
            f"pretrained={pretrained}: none of its weights has a name in the "
            "model; if their names have a prefix, set it in multitask.encoders.FromWeights"
        )
    said = (
        f"The encoder has {len(own) - len(others)} of its {counted(len(own), 'weight')} unchanged"
    )
    said += f" from {pretrained}"
    if others:
        names = listed((f"'{each}'" for each in others), 3)
        said += f"; the others are adapted from it or start from scratch: {names}"
    return source_of(named_checkpoint(Path(pretrained)), "pretrained", said)


@contextmanager
def quiet() -> Iterator[None]:
    """Keep timm from listing every skipped weight; one message reports them."""
    logger = logging.getLogger("timm.models._builder")
    before = logger.level
    logger.setLevel(logging.ERROR)
    try:
        yield
    finally:
        logger.setLevel(before)


def misshapen(message: str) -> str | None:
    """Extract the weights with another shape from an error of torch; None if it names none.

    Args:
        message: message of torch.
    """
    found: Iterable[tuple[str, str, str]] = SIZE.findall(message)
    told = [f"'{name}' is {one} in the file, {two} here" for name, one, two in found]
    return listed(told) if told else None


def _digest(values: Tensor) -> tuple[Any, ...]:
    numbers = values.detach().float().contiguous().numpy().tobytes()
    return (*values.shape, hashlib.sha256(numbers).digest())


def _of_hub(name: str, pretrained: str) -> Mapping[str, Any]:
    # The import is slow, and runs with other encoders do not need it.
    from timm.models import load_model_config_from_hf

    try:
        found, model, _ = load_model_config_from_hf(pretrained.removeprefix(HUB))
    except Exception as error:
        raise InputError(
            f"pretrained={pretrained}: the hub has no such timm model, or cannot be reached "
            f"({str(error).splitlines()[0] if str(error) else type(error).__name__})"
        ) from error
    if model.partition(".")[0] != name.partition(".")[0]:
        raise InputError(f"pretrained={pretrained}: it is a '{model}'; set name to match")
    return found
