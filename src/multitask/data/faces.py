"""What inputs look like to people: a picture or a few words for each sample."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping

from torch import Tensor

MOST_SHOWN = 8
"""Numbers of one sample that `Numbers` writes."""


Shown = dict[str, Tensor | str]
"""One sample's inputs as people see them, by name: pictures and texts, see `Face.show`."""


class Face(ABC):
    """How an input is shown in figures, tables of samples and reports."""

    @abstractmethod
    def show(self, value: Tensor) -> Tensor | str:
        """Show one sample's input.

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


class Numbers(Face):
    """The first few numbers of anything, such as columns of a table or the tokens of a text."""

    def show(self, value: Tensor) -> str:
        numbers = value.flatten()
        shown = [f"{each:.4g}" for each in numbers[:MOST_SHOWN].tolist()]
        more = [f"... ({len(numbers)} in all)"] if len(numbers) > MOST_SHOWN else []
        return ", ".join([*shown, *more])


def show_inputs(inputs: Mapping[str, Tensor], faces: Mapping[str, Face]) -> list[Shown]:
    """Show each sample of a batch.

    Args:
        inputs: at least the inputs that have a face, by name, first axis ``[batch]``.
        faces: by input.

    Returns:
        One for each sample.
    """
    columns = {name: map(face.show, inputs[name]) for name, face in faces.items()}
    rows = zip(*columns.values(), strict=True)
    return [dict(zip(columns, row, strict=True)) for row in rows]
