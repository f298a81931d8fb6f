"""Image models of the timm library."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from typing import Any

from torch import Tensor, nn

from multitask.checkpoints.source import DOWNLOADS
from multitask.encoders.base import Encoder
from multitask.encoders.normalisation import Normalisation
from multitask.encoders.stages import Plan, built
from multitask.encoders.timm_depths import timm_depths
from multitask.encoders.timm_stages import timm_plans
from multitask.encoders.timm_weights import (
    OVERLAY,
    misshapen,
    quiet,
    settings_of_weights,
    taken_from,
)
from multitask.errors import InputError, nearest

OWN = {
    "num_classes": "the model's tasks have their own heads",
    "in_chans": "set in_channels instead",
    "pretrained": "set the encoder's own pretrained instead",
}
"""Options that the encoder sets itself, and what to do instead."""
OPTIONS = {
    **OWN,
    "features_only": "it returns maps: use multitask.encoders.TimmMaps, which sets it",
    "out_indices": "it is for maps: use multitask.encoders.TimmMaps and its levels",
}


class Timm(Encoder):
    """A timm model without its classifier.

    With pretrained weights, images (from 0 to 1) are normalised by the mean and standard deviation
    that these were trained with, unless the data do so.

    Args:
        name: timm's name of the model, such as ``resnet18`` or ``vit_small_patch16_224``.
        pretrained: whether to start from timm's pretrained weights (downloaded once), for
            fine-tuning; or the path of a file of torch or safetensors; or ``hf-hub:`` and an id for
            weights from the hub. Weights whose shapes do not fit are rejected, except those of the
            classifier, which is not used. A model restored from a checkpoint gets its weights from
            there.
        in_channels: channels of the images; timm adapts pretrained weights to any number.
        options: further arguments of ``timm.create_model``, such as ``img_size``.
    """

    def __init__(
        self,
        name: str,
        pretrained: bool | str = False,
        in_channels: int = 3,
        options: dict[str, Any] | None = None,
    ) -> None:
        super().__init__()
        check_options(options, OPTIONS)
        settings = {"num_classes": 0, "in_chans": in_channels, **(options or {})}
        self.options = options
        self.network = created(name, pretrained, settings)
        self.source = taken_from(self.network, pretrained)
        self.normalisation = normalisation_of(self.network, pretrained, in_channels)
        width: int = self.network.num_features  # type: ignore[assignment]
        self.out_features = getattr(self.network, "head_hidden_size", width)

    @cached_property
    def _plans(self) -> list[Plan]:
        channels, form = len(self.normalisation.mean), getattr(self.network, "output_fmt", "NCHW")
        return timm_plans(self.network, channels, self.options, str(form) == "NHWC")

    def stages(self) -> list[nn.Module]:
        """The network divided where timm extracts its maps, if its parts form a chain."""
        return [*built(self.network, self.normalisation, self._plans)] or [self]

    def stage_features(self) -> list[int]:
        return [each.features for each in self._plans[:-1]]

    def depths(self) -> dict[str, int]:
        """The layers into which timm divides the network."""
        found = timm_depths(self.network, self.network, "network.")
        return found or {name: 0 for name, _ in self.named_parameters()}

    def forward(self, image: Tensor) -> Tensor:
        return self.network(self.normalisation(image))


def check_options(options: Mapping[str, Any] | None, refused: Mapping[str, str]) -> None:
    """Reject options that conflict with settings of the encoder.

    Args:
        options: options for ``timm.create_model``.
        refused: what to do instead of each invalid option.

    Raises:
        InputError: names the option.
    """
    for name, value in (options or {}).items():
        if name in refused:
            raise InputError(f"options: {name} cannot be set; {refused[name]}")
        if name == "global_pool" and not value:
            raise InputError(
                f"options: global_pool is {value!r}, which leaves a map unpooled, but the heads "
                "need a vector; remove it, or use multitask.encoders.TimmMaps"
            )


def normalisation_of(network: nn.Module, pretrained: bool | str, channels: int) -> Normalisation:
    """The normalisation of images for a timm model.

    Args:
        network: the model.
        pretrained: whether it has pretrained weights; if not, nothing is changed.
        channels: channels of the images.
    """
    normalisation = Normalisation(channels)
    known: Any = getattr(network, "pretrained_cfg", None) or {}
    if pretrained and DOWNLOADS.get() and known.get("mean") and known.get("std"):
        normalisation.set(known["mean"], known["std"])
    return normalisation


def created(name: str, pretrained: bool | str, settings: dict[str, Any]) -> nn.Module:
    """Create a timm model.

    Args:
        name: timm's name of the model.
        pretrained: see `Timm`.
        settings: further arguments of ``timm.create_model``.

    Raises:
        InputError: if there is no such model, it has no such option, or its weights cannot be
            downloaded.
    """
    # The import is slow, and runs with other encoders do not need it.
    import timm

    # A name with a URL scheme would be looked up on the network, or in a folder.
    if ":" in name or not timm.is_model(name.split(".")[0]):
        raise InputError(f"timm has no model '{name}'{nearest(name, timm.list_models())}")
    told = settings_of_weights(name, pretrained, settings.get(OVERLAY))
    try:
        with quiet():
            return timm.create_model(name, **{**settings, **told})
    except (TypeError, KeyError, NotImplementedError) as error:
        given = {key: value for key, value in settings.items() if key not in OPTIONS}
        reason = str(error).strip("'\"").splitlines()[0] if str(error) else type(error).__name__
        raise InputError(
            f"options: timm cannot create '{name}' with {given} ({reason}); correct or remove an "
            "option"
        ) from error
    except (OSError, RuntimeError) as error:
        if not pretrained:
            raise
        if (shapes := misshapen(str(error))) is not None:
            raise InputError(f"the pretrained weights do not fit '{name}': {shapes}") from error
        raise InputError(
            f"the pretrained weights of '{name}' could not be loaded ({error}); check the network "
            "or set pretrained to false"
        ) from error
