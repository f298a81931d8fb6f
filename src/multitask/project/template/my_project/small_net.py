"""A small convolutional network. Replace it with your own encoder."""

from __future__ import annotations

from multitask.encoders import Encoder
from torch import Tensor, nn


class SmallNet(Encoder):
    """Three convolutions, each halving the image size, then the mean over all positions.

    Args:
        channels: channels after the first convolution; each further one doubles them.
        out_features: size of the representation that the tasks share.
    """

    def __init__(self, channels: int = 16, out_features: int = 64) -> None:
        super().__init__()
        # The heads of the tasks read this.
        self.out_features = out_features
        self.layers = nn.Sequential(
            convolution(1, channels),
            convolution(channels, 2 * channels),
            convolution(2 * channels, 4 * channels),
            nn.AdaptiveAvgPool2d(1),
            nn.Flatten(),
            nn.Linear(4 * channels, out_features),
        )

    def forward(self, image: Tensor) -> Tensor:
        """Encode images ``[batch, 1, height, width]`` as ``[batch, out_features]``."""
        return self.layers(image)


def convolution(before: int, after: int) -> nn.Module:
    """A convolution with stride 2, batch normalisation and ReLU."""
    return nn.Sequential(
        nn.Conv2d(before, after, kernel_size=3, stride=2, padding=1, bias=False),
        nn.BatchNorm2d(after),
        nn.ReLU(),
    )
