"""A small convolutional network."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

from torch import Tensor, nn

from multitask.encoders.base import Encoder
from multitask.errors import InputError


class ConvNet(Encoder):
    """Convolutions with batch normalisation and ReLU, then a normalised linear embedding.

    It halves the image once for each entry of ``channels`` and accepts images of any size.

    Args:
        in_channels: channels of the images.
        channels: channels after each convolution; the first is 5x5 with stride 2, the others are
            3x3 and followed by 2x2 max pooling.
        grid: side of the feature map that is flattened; larger or smaller maps are averaged or
            repeated to this size. With three convolutions, images of 24x24 give exactly 3.
        out_features: size of the representation.
    """

    def __init__(
        self,
        in_channels: int = 1,
        channels: Sequence[int] = (8, 16, 32),
        grid: int = 3,
        out_features: int = 64,
    ) -> None:
        super().__init__()
        if not channels:
            raise InputError("channels is empty; list the channels of at least one convolution")
        self.channels, self.out_features = list(channels), out_features
        blocks = [_convolution(in_channels, channels[0], kernel=5, stride=2)]
        for before, after in pairwise(channels):
            blocks += [_convolution(before, after, kernel=3, stride=1), nn.MaxPool2d(2)]
        self.convolutions = nn.Sequential(*blocks, nn.AdaptiveAvgPool2d(grid))
        # Without normalisation of the embedding, some seeds collapse to a dead representation.
        self.embedding = nn.Sequential(
            nn.Flatten(),
            nn.Linear(channels[-1] * grid * grid, out_features, bias=False),
            nn.BatchNorm1d(out_features),
            nn.ReLU(),
        )

    def stages(self) -> list[nn.Module]:
        """Each convolution with its pooling, then the embedding."""
        *blocks, pool = self.convolutions
        starts = [place for place, each in enumerate(blocks) if isinstance(each, nn.Sequential)]
        ends = [*starts[1:], len(blocks)]
        convolutions = [self.convolutions[at:end] for at, end in zip(starts, ends, strict=True)]
        return [*convolutions, nn.Sequential(pool, *self.embedding)]

    def stage_features(self) -> list[int]:
        """The channels after each convolution."""
        return self.channels

    def forward(self, image: Tensor) -> Tensor:
        return self.embedding(self.convolutions(image))


def _convolution(before: int, after: int, kernel: int, stride: int) -> nn.Module:
    return nn.Sequential(
        nn.Conv2d(before, after, kernel, stride, padding=kernel // 2, bias=False),
        nn.BatchNorm2d(after),
        nn.ReLU(),
    )
