"""A head that returns a map of the image's size."""

from __future__ import annotations

from torch import Tensor, nn
from torch.nn.functional import interpolate

from multitask.encoders.forms import Form, Maps
from multitask.errors import InputError


class DenseHead(nn.Module):
    """Merges feature maps from the coarsest to the finest, and upsamples to the image's size.

    Each map is projected to ``width`` channels; a coarser sum is upsampled bilinearly and added to
    the next finer map, as in a feature pyramid (Lin et al., 2017, "Feature Pyramid Networks",
    section 3). The sides of the image must be multiples of the finest map's stride.

    Args:
        form: form of the encoder's output; a list of maps.
        out_features: number of channels of the result.
        width: number of channels of hidden layers.

    Raises:
        InputError: if the encoder does not return maps.
    """

    def __init__(self, form: Form, out_features: int, width: int = 32) -> None:
        super().__init__()
        if not isinstance(form, Maps):
            raise InputError(
                f"a DenseHead needs maps, but the encoder returns a {type(form).__name__.lower()}; "
                "choose an encoder of maps, such as multitask.encoders.TimmMaps"
            )
        self.stride = form.strides[0]
        self.sides = nn.ModuleList([nn.Conv2d(each, width, 1) for each in form.channels])
        self.out = nn.Sequential(
            nn.Conv2d(width, width, 3, padding=1), nn.ReLU(), nn.Conv2d(width, out_features, 1)
        )

    def forward(self, maps: list[Tensor]) -> Tensor:
        """Map a list of ``[batch, channels, h, w]`` to ``[batch, out_features, height, width]``."""
        *finer, coarsest = (side(each) for side, each in zip(self.sides, maps, strict=True))
        total = coarsest
        for each in reversed(finer):
            total = each + _enlarged(total, (each.shape[2], each.shape[3]))
        result = self.out(total)
        height, width = (self.stride * side for side in result.shape[2:])
        return _enlarged(result, (height, width))


def _enlarged(values: Tensor, size: tuple[int, int]) -> Tensor:
    return interpolate(values, size, mode="bilinear", align_corners=False)
