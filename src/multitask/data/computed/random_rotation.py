"""Images rotated by a random angle, which is to be predicted."""

from __future__ import annotations

import math
from collections.abc import Mapping

import torch
from torch import Tensor
from torch.nn.functional import grid_sample

from multitask.data.computed.base import ComputedTargets
from multitask.data.dataset import BatchDataset
from multitask.data.fingerprints import Fingerprints
from multitask.data.targets import Targets, example
from multitask.errors import InputError
from multitask.geometry import Angle, Geometry
from multitask.geometry.moved_targets import followed, may_follow

TARGET = "rotation"


class RandomRotation(ComputedTargets):
    """Rotates each image about its centre by a random angle, the same in each epoch.

    Target: ``rotation`` (1 number: degrees, clockwise positive, uniform between the bounds). The
    angle depends on the seed and the sample's index in the data set, in all splits. Areas beyond
    the image are filled by reflecting it at its edges, because black corners would reveal the
    angle. Interpolation is bilinear.

    Existing targets follow according to the data's ``geometry``; a single class index per sample
    does not change.

    Args:
        degrees: largest angle in either direction, above 0 and up to 180.
    """

    geometry = {TARGET: Angle()}  # noqa: RUF012

    def __init__(self, degrees: float = 30.0) -> None:
        if not 0 < degrees <= 180:
            raise InputError(f"degrees is {degrees}; give an angle above 0 and up to 180")
        self.degrees = degrees

    def __call__(
        self, samples: BatchDataset, seed: int, geometry: Mapping[str, Geometry]
    ) -> BatchDataset:
        if TARGET in samples.targets:
            raise InputError(
                f"computed: RandomRotation would replace '{TARGET}'; rotate images once"
            )
        generator = torch.Generator().manual_seed(seed)
        angles = self.degrees * (2 * torch.rand(len(samples), generator=generator) - 1)
        return _Turned(samples, angles, _turned_targets(samples, angles, geometry))


class _Turned(BatchDataset):
    """Samples whose images are rotated when they are read.

    Args:
        source: the original samples.
        angles: degrees clockwise, shape ``[samples]``.
        targets: targets of the rotated images, other than the angles.
    """

    def __init__(
        self, source: BatchDataset, angles: Tensor, targets: Mapping[str, Targets]
    ) -> None:
        super().__init__({**targets, TARGET: angles})
        self._source, self._radians = source, angles * (math.pi / 180)

    def __len__(self) -> int:
        return len(self._source)

    def inputs(self, indices: Tensor) -> dict[str, Tensor]:
        inputs = self._source.inputs(indices)
        return {**inputs, "image": turned(inputs["image"], self._radians[indices])}

    def input_fingerprints(self) -> dict[str, Fingerprints]:
        # The angles are targets.
        return self._source.input_fingerprints()


def _turned_targets(
    samples: BatchDataset, angles: Tensor, geometry: Mapping[str, Geometry]
) -> dict[str, Targets]:
    """Compute the targets of the rotated images."""
    size = samples.images(torch.arange(1)).shape[2:]
    sizes = torch.tensor([size], dtype=torch.float32).expand(len(samples), 2)
    matrix = _matrix(angles * (math.pi / 180), *size)
    targets = dict(samples.targets)
    for name, values in targets.items():
        if not may_follow(example(values)):
            continue
        if name not in geometry:
            raise InputError(
                f"computed: RandomRotation rotates images, but data.geometry.{name} does not "
                f"define how the target '{name}' follows; define it, with "
                "multitask.geometry.Unchanged if it does not, or compute it after the rotation"
            )
        if not isinstance(values, Tensor):
            raise InputError(
                "computed: RandomRotation rotates images and their targets in memory, but "
                f"'{name}' is read from a disk; remove the rotation"
            )
        try:
            targets[name] = followed(geometry[name], values, matrix, sizes, sizes)
        except InputError as error:
            raise InputError(f"data.geometry.{name}: {error}") from error
    return targets


def _matrix(radians: Tensor, height: int, width: int) -> Tensor:
    """Return where points move, shape ``[samples, 2, 3]``."""
    cosine, sine = radians.cos(), radians.sin()
    turn = torch.stack([cosine, -sine, sine, cosine], 1).view(-1, 2, 2)
    middle = torch.tensor([width / 2, height / 2])
    return torch.cat([turn, (middle - turn @ middle).unsqueeze(2)], 2)


def turned(images: Tensor, radians: Tensor) -> Tensor:
    """Rotate each image clockwise about its centre, reflected beyond its edges.

    Args:
        images: shape ``[batch, channels, height, width]``, uint8 or floating.
        radians: shape ``[batch]``.

    Returns:
        Images of the same shape and dtype.
    """
    height, width = images.shape[2:]
    right = (torch.arange(width) - (width - 1) / 2).view(1, 1, -1)
    down = (torch.arange(height) - (height - 1) / 2).view(1, -1, 1)
    cosine, sine = radians.cos().view(-1, 1, 1), radians.sin().view(-1, 1, 1)
    # The source of each pixel, in units of half the width and height.
    from_right = (cosine * right + sine * down) / (width / 2)
    from_down = (cosine * down - sine * right) / (height / 2)
    grid = torch.stack([from_right, from_down], 3)
    values = grid_sample(images.float(), grid, padding_mode="reflection", align_corners=False)
    if images.dtype == torch.uint8:
        values = values.round_().clamp_(0, 255)
    return values.to(images.dtype)
