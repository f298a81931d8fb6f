"""What inputs and maps look like to people: a picture or a few words for each sample."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from multitask.labels import known

MOST_SHOWN = 8
"""Numbers of one sample that `Numbers` writes."""
MISSING_COLOUR = (1.0, 0.75, 0.75)
"""Red, green and blue of a map's missing pixels."""


Shown = dict[str, Tensor | str]
"""What people see of one sample, by name: pictures and texts, see `Face.show`."""


class Face(ABC):
    """How an input or a target is shown in figures, tables of samples and reports."""

    @abstractmethod
    def show(self, value: Tensor) -> Tensor | str:
        """Show one sample's value.

        Args:
            value: as it is in a batch, without the batch axis.

        Returns:
            A picture, float32 from 0 to 1, shape ``[height, width]``, or ``[height, width, 3]`` or
            ``[height, width, 4]`` if it has colours; or a text of one line.
        """


class Picture(Face):
    """An image, its values stretched to the range from 0 to 1.

    Three or four channels are taken for colours; else the first channel is shown.
    """

    def show(self, value: Tensor) -> Tensor:
        low, high = value.min(), value.max()
        scaled = ((value.float() - low) / (high - low).clamp_min(1e-9)).permute(1, 2, 0)
        return scaled if scaled.shape[2] in (3, 4) else scaled[:, :, 0]


class Map(Face):
    """A target with a class or numbers for each pixel, its known values stretched from 0 to 1.

    Three channels are taken for colours; else the first channel is shown. Missing pixels are red.
    """

    def show(self, value: Tensor) -> Tensor:
        maps = value.flatten(0, -3) if value.ndim > 2 else value.unsqueeze(0)
        maps = maps if len(maps) == 3 else maps[:1].expand(3, -1, -1)
        found = known(maps)
        numbers = maps[found].float() if found.any() else maps.new_zeros(1).float()
        low, high = numbers.min(), numbers.max()
        scaled = (maps.float() - low) / (high - low).clamp_min(1e-9)
        missing = torch.tensor(MISSING_COLOUR).view(3, 1, 1)
        return torch.where(found, scaled, missing).permute(1, 2, 0)


class Numbers(Face):
    """The first few numbers of anything, such as columns of a table or the tokens of a text."""

    def show(self, value: Tensor) -> str:
        numbers = value.flatten()
        shown = [f"{each:.4g}" for each in numbers[:MOST_SHOWN].tolist()]
        more = [f"... ({len(numbers)} in all)"] if len(numbers) > MOST_SHOWN else []
        return ", ".join([*shown, *more])


def show_samples(
    inputs: Mapping[str, Tensor],
    faces: Mapping[str, Face],
    targets: Mapping[str, Any] | None = None,
) -> list[Shown]:
    """Show each sample of a batch.

    Args:
        inputs: at least the inputs that have a face, by name, first axis ``[batch]``.
        faces: by input.
        targets: by task, of which maps (three axes or more) are shown too; none by default.

    Returns:
        One for each sample.
    """
    columns = {name: map(face.show, inputs[name]) for name, face in faces.items()}
    for name, values in (targets or {}).items():
        if isinstance(values, Tensor) and values.ndim > 2:
            columns[name] = map(Map().show, values)
    rows = zip(*columns.values(), strict=True)
    return [dict(zip(columns, row, strict=True)) for row in rows]
