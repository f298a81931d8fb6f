"""The feature maps of timm models."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from typing import Any

import torch
from torch import Tensor, nn

from multitask.encoders.base import Encoder
from multitask.encoders.forms import Maps
from multitask.encoders.stages import MapStage, Plan, built
from multitask.encoders.timm import OWN, check_options, created, normalisation_of
from multitask.encoders.timm_depths import timm_depths
from multitask.encoders.timm_stages import timm_plans
from multitask.encoders.timm_weights import taken_from
from multitask.errors import InputError


class TimmMaps(Encoder):
    """The maps of a timm model, the finest first, for tasks whose target is a map.

    Images are normalised as in `Timm`.

    Tasks on one vector, such as a classification, read the mean of the last map.

    Args:
        name: timm's name of the model, such as ``resnet18`` or ``swin_tiny_patch4_window7_224``.
            The maps of vision transformers such as ``vit_small_patch16_224`` all have the same
            size.
        levels: indices of the maps to return, counted from the finest, 0; all by default. Unused
            maps cost memory, and the finest map is the largest.
        pretrained: see `Timm`.
        in_channels: see `Timm`.
        options: further arguments of ``timm.create_model``, such as ``output_stride``.

    Raises:
        InputError: if timm does not have the model, or the model does not have the levels.
    """

    def __init__(
        self,
        name: str,
        levels: Sequence[int] | None = None,
        pretrained: bool | str = False,
        in_channels: int = 3,
        options: dict[str, Any] | None = None,
    ) -> None:
        super().__init__()
        self.name, self.in_channels, self.options = name, in_channels, options
        given = list(levels or [])
        if levels is not None and (given != sorted({*given}) or min(given, default=-1) < 0):
            raise InputError(
                f"levels are {given}; list different levels in increasing order, 0 being the finest"
            )
        settings: dict[str, Any] = {"features_only": True, "in_chans": in_channels}
        if levels is not None:
            settings["out_indices"] = tuple(levels)
        check_options(options, {**OWN, "features_only": "it is always true here"})
        try:
            self.network = created(name, pretrained, settings | (options or {}))
        except (AssertionError, IndexError, ValueError) as error:
            raise InputError(
                f"timm's model '{name}' has no maps at the levels {levels}: {error}; choose fewer"
            ) from error
        self.source = taken_from(self.network, pretrained)
        self.normalisation = normalisation_of(self.network, pretrained, in_channels)
        info: Any = self.network.feature_info
        self._form = Maps(tuple(info.channels()), tuple(info.reduction()))
        # Some transformers return [batch, height, width, channels].
        self.channels_last = str(getattr(self.network, "output_fmt", "NCHW")) == "NHWC"

    @property
    def form(self) -> Maps:
        return self._form

    @cached_property
    def _plans(self) -> list[Plan]:
        plans = timm_plans(self.network, self.in_channels, self.options, self.channels_last)
        are_all = sum(each.is_returned for each in plans) == len(self._form.channels)
        return plans if are_all and plans[-1].is_returned else []

    def stages(self) -> list[nn.Module]:
        """The network divided after each of its maps, if its parts run one after the other."""
        if not self._plans:
            return [self]
        keeps = [False, *(each.is_returned for each in self._plans[:-1])]
        stages = built(self.network, self.normalisation, self._plans)
        last = stages[-1]
        return [
            MapStage(each, keep, each is last) for each, keep in zip(stages, keeps, strict=True)
        ]

    def stage_features(self) -> list[int]:
        return [each.features for each in self._plans[:-1]]

    def depths(self) -> dict[str, int]:
        """The layers into which timm divides the network of these maps."""
        settings = {"in_chans": self.in_channels, **(self.options or {})}
        settings = {key: each for key, each in settings.items() if key != "feature_cls"}
        # On the meta device no random weights are drawn.
        with torch.device("meta"):
            whole = created(self.name, False, {"num_classes": 0, **settings})
        found = timm_depths(self.network, whole, "network.")
        return found or {name: 0 for name, _ in self.named_parameters()}

    def forward(self, image: Tensor) -> list[Tensor]:
        maps: list[Tensor] = self.network(self.normalisation(image))
        return [each.movedim(3, 1) for each in maps] if self.channels_last else list(maps)
