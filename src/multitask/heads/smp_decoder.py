"""Decoders of the library segmentation_models_pytorch as heads."""

from __future__ import annotations

import importlib
import inspect
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from torch import Tensor, nn
from torch.nn.functional import interpolate

from multitask.encoders.forms import Form, Maps
from multitask.errors import InputError, nearest, settings_blamed

INSTALL = 'pip install "multitask[decoders]"'


class SmpDecoder(nn.Module):
    """A decoder of segmentation_models_pytorch, from an encoder's maps to a map of the image.

    The library is not installed by default: ``pip install "multitask[decoders]"``.

    ======================  =======================================================================
    ``unet``                Ronneberger et al., 2015, 1505.04597; merges all maps
    ``fpn``                 Kirillov et al., 2019, 1901.02446; uses the four coarsest maps, each
                            half as large as the one before
    ``deeplabv3``           Chen et al., 2017, 1706.05587; uses only the coarsest map
    ``deeplabv3plus``       Chen et al., 2018, 1802.02611; uses the coarsest map, and the one that
                            is 2 or 4 times as large
    ======================  =======================================================================

    The result is upsampled bilinearly to the image, whose sides must be multiples of the finest
    map's stride. A decoder's maps must also fit each other, which multiples of the coarsest map's
    stride always do.

    Args:
        form: form of the encoder's output; a list of maps.
        out_features: number of channels of the result.
        name: name of the decoder.
        options: further arguments of the library's class, such as ``decoder_channels`` of
            ``unet``, one number for each map, or ``out_channels`` of ``deeplabv3``.

    Raises:
        InputError: if the library is not installed, the encoder does not return the maps that the
            decoder needs, or the decoder does not accept the options.
    """

    def __init__(
        self,
        form: Form,
        out_features: int,
        name: str = "unet",
        options: dict[str, Any] | None = None,
    ) -> None:
        super().__init__()
        if not isinstance(form, Maps):
            raise InputError(
                "an SmpDecoder needs maps, but the encoder returns a "
                f"{type(form).__name__.lower()}; choose an encoder of maps, such as "
                "multitask.encoders.TimmMaps"
            )
        if name not in DECODERS:
            raise InputError(f"SmpDecoder has no decoder '{name}'{nearest(name, DECODERS)}")
        self.name, self.stride = name, form.strides[0]
        with settings_blamed("options of SmpDecoder"):
            plan = DECODERS[name](form, options or {})
            self.decoder = plan.decoder(options or {})
        if plan.channels < 1:
            raise InputError(
                f"options of SmpDecoder: its output has {plan.channels} channels; give 1 or more"
            )
        self.places, self.shares = plan.places, plan.shares
        self.out = nn.Conv2d(plan.channels, out_features, 1)

    def forward(self, maps: list[Tensor]) -> Tensor:
        """Map a list of ``[batch, channels, h, w]`` to ``[batch, out_features, height, width]``."""
        height, width = (self.stride * side for side in maps[0].shape[2:])
        # The library counts the image itself as the first map, and uses only its size.
        image = maps[0].new_empty(len(maps[0]), 0, height, width)
        chosen = [image if place is None else maps[place] for place in self.places]
        self._check_sizes(chosen, height, width)
        return interpolate(
            self.out(self.decoder(chosen)), (height, width), mode="bilinear", align_corners=False
        )

    def _check_sizes(self, chosen: Sequence[Tensor], height: int, width: int) -> None:
        sizes = [each.shape[2:] for each in chosen[-len(self.shares) - 1 :]] if self.shares else []
        for finer, coarser, factor in zip(sizes, sizes[1:], self.shares, strict=False):
            if [side * factor for side in coarser] != list(finer):
                raise InputError(
                    f"images of {height}x{width} pixels result in maps of {finer[0]}x{finer[1]} "
                    f"and {coarser[0]}x{coarser[1]}, but '{self.name}' needs sides that are "
                    f"{factor} times as long; choose sides that are multiples of the coarsest "
                    "map's stride, or the decoder unet"
                )


@dataclass(frozen=True)
class _Plan:
    """How to build a decoder and which maps to pass to it.

    Args:
        path: module and class in the library's decoders.
        arguments: arguments of the class, without the user's options, which may not contain
            ``own``.
        own: names of arguments that the encoder determines.
        places: indices of the encoder's maps to use, in its order; None for the image.
        shares: ratio of each of the last maps' sizes to the next map's.
        channels: number of channels of its result.
    """

    path: tuple[str, str]
    arguments: dict[str, Any]
    own: Sequence[str]
    places: Sequence[int | None]
    shares: Sequence[int]
    channels: int

    def decoder(self, options: Mapping[str, Any]) -> nn.Module:
        module, name = self.path
        try:
            found = importlib.import_module(
                f"segmentation_models_pytorch.decoders.{module}.decoder"
            )
        except ModuleNotFoundError as error:
            raise InputError(
                f"SmpDecoder needs the package segmentation-models-pytorch: {INSTALL}"
            ) from error
        kind = getattr(found, name)
        known = [each for each in inspect.signature(kind).parameters if each not in self.own]
        for each in options:
            if each in self.own:
                raise InputError(
                    f"options of SmpDecoder: '{each}' is set by the encoder; remove it"
                )
            if each not in known:
                raise InputError(
                    f"options of SmpDecoder: there is no '{each}'{nearest(str(each), known)}"
                )
        made: nn.Module = kind(**{**self.arguments, **options})
        return made


def _unet(form: Maps, options: Mapping[str, Any]) -> _Plan:
    count = len(form.channels)
    widths = list(options.get("decoder_channels", [max(256 >> at, 16) for at in range(count)]))
    return _Plan(
        ("unet", "UnetDecoder"),
        {"encoder_channels": [0, *form.channels], "decoder_channels": widths, "n_blocks": count},
        ("encoder_channels", "n_blocks"),
        [None, *range(count)],
        [],
        widths[-1] if widths else 1,
    )


def _fpn(form: Maps, options: Mapping[str, Any]) -> _Plan:
    strides = list(form.strides)[-4:]
    if len(strides) < 4 or any(2 * fine != coarse for fine, coarse in pairwise(strides)):
        raise InputError(
            f"the decoder fpn needs at least four maps, each half as large as the previous, but "
            f"the encoder's have the strides {list(form.strides)}; choose the decoder unet, or "
            "other levels of the encoder"
        )
    width = int(options.get("segmentation_channels", 128))
    policy = options.get("merge_policy", "add")
    return _Plan(
        ("fpn", "FPNDecoder"),
        {"encoder_channels": [0, *form.channels], "encoder_depth": len(form.channels)},
        ("encoder_channels", "encoder_depth"),
        [-4, -3, -2, -1],
        [2, 2, 2],
        width if policy == "add" else 4 * width,
    )


def _deeplabv3(form: Maps, options: Mapping[str, Any]) -> _Plan:
    width = int(options.get("out_channels", 256))
    arguments = {"in_channels": form.channels[-1], "out_channels": width, **ATROUS}
    return _Plan(("deeplabv3", "DeepLabV3Decoder"), arguments, ("in_channels",), [-1], [], width)


def _deeplabv3plus(form: Maps, options: Mapping[str, Any]) -> _Plan:
    strides = list(form.strides)
    factor = next((each for each in (4, 2) if strides[-1] / each in strides), None)
    if factor is None:
        raise InputError(
            "the decoder deeplabv3plus needs a map that is 2 or 4 times as large as the coarsest, "
            f"but the encoder's have the strides {strides}; choose deeplabv3, or other levels of "
            "the encoder"
        )
    finer = strides.index(strides[-1] // factor)
    width = int(options.get("out_channels", 256))
    arguments = {
        # It uses the third and the last.
        "encoder_channels": [0, 0, form.channels[finer], form.channels[-1]],
        "encoder_depth": 4,
        "output_stride": 16 if factor == 4 else 8,
        "out_channels": width,
        **ATROUS,
    }
    own = ("encoder_channels", "encoder_depth", "output_stride")
    places = [None, None, finer, -1]
    return _Plan(("deeplabv3", "DeepLabV3PlusDecoder"), arguments, own, places, [factor], width)


ATROUS = {"atrous_rates": (12, 24, 36), "aspp_separable": False, "aspp_dropout": 0.5}
"""The library's defaults."""
DECODERS: dict[str, Callable[[Maps, Mapping[str, Any]], _Plan]] = {
    "unet": _unet,
    "fpn": _fpn,
    "deeplabv3": _deeplabv3,
    "deeplabv3plus": _deeplabv3plus,
}
