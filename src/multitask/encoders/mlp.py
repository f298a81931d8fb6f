"""A multi-layer perceptron over the pixels."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

from torch import Tensor, nn

from multitask.encoders.base import Encoder
from multitask.errors import InputError


class MLP(Encoder):
    """Linear layers, optional batch normalisation, and ReLU over the flattened image.

    Args:
        in_features: number of values in one image, ``channels * height * width``.
        hidden: widths of the hidden layers.
        out_features: size of the representation.
        batch_norm: whether each layer is followed by batch normalisation.
    """

    def __init__(
        self,
        in_features: int,
        hidden: Sequence[int] = (256,),
        out_features: int = 64,
        batch_norm: bool = True,
    ) -> None:
        super().__init__()
        self.in_features, self.hidden = in_features, list(hidden)
        self.out_features = out_features
        widths = [in_features, *hidden, out_features]
        layers: list[nn.Module] = [Pixels(in_features)]
        for before, after in pairwise(widths):
            norm = [nn.BatchNorm1d(after)] if batch_norm else []
            layers += [nn.Linear(before, after, bias=not batch_norm), *norm, nn.ReLU()]
        self._depth = 3 if batch_norm else 2
        self.layers = nn.Sequential(*layers)

    def stages(self) -> list[nn.Module]:
        """Each linear layer with its normalisation and ReLU."""
        flatten, *layers = self.layers
        starts = range(0, len(layers), self._depth)
        first, *others = [nn.Sequential(*layers[at : at + self._depth]) for at in starts]
        return [nn.Sequential(flatten, *first), *others]

    def stage_features(self) -> list[int]:
        """The widths of the hidden layers."""
        return self.hidden

    def forward(self, image: Tensor) -> Tensor:
        return self.layers(image)


class Pixels(nn.Flatten):
    """Flattens the values of each image.

    Args:
        in_features: number of values.
    """

    def __init__(self, in_features: int) -> None:
        super().__init__()
        self.in_features = in_features

    def forward(self, image: Tensor) -> Tensor:
        """Flatten ``[batch, channels, height, width]``.

        Raises:
            InputError: if an image has another number of values.
        """
        # Not of the first image, which would fix the batch size of an exported graph.
        values = image.shape[1:].numel()
        if values != self.in_features:
            shape = "x".join(map(str, image.shape[1:]))
            raise InputError(
                f"the MLP encoder expects images of {self.in_features} values, but the data's have "
                f"shape {shape}; set in_features to {values}"
            )
        return super().forward(image)
