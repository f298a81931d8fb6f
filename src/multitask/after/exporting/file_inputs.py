"""What an exported file takes, input by input, and samples to compare it by."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.export import Dim

from multitask.after.inputs.written_columns import WrittenColumns
from multitask.after.inputs.written_text import WrittenText
from multitask.after.trained_model import IMAGE, TrainedModel
from multitask.encoders import Columns
from multitask.tokenizers import END, Tokenizer

BATCH = "batch"
EXAMPLE = 5
"""Samples in the batch from which the graph is made; a graph for this size only is refused."""
EXAMPLE_PLACES = 7
"""Tokens in it; another number than of samples, so that neither is taken for the other."""
MISSING_EVERY = 5
"""One in this many of the numbers to compare by is missing."""


class FileInput(ABC):
    """One input of an exported file.

    Args:
        name: of the input.
    """

    def __init__(self, name: str) -> None:
        self.name = name

    @abstractmethod
    def samples(self, size: int) -> Tensor:
        """Samples that differ as much as they may, always the same; first axis ``[size]``."""

    def seen(self, values: Tensor, transforms: nn.Module, precision: torch.dtype) -> Tensor:
        """What the model takes of values as the file takes them.

        Args:
            values: first axis ``[batch]``.
            transforms: of images from 0 to 1.
            precision: of the model's parameters.
        """
        return values

    def example(self) -> Tensor:
        """The batch from which the graph is made; see `EXAMPLE`."""
        return self.samples(EXAMPLE)

    @property
    def free_axes(self) -> dict[int, Dim]:
        """What is of any size, by the place of the axis."""
        return {0: Dim(BATCH, min=1)}


class PixelInput(FileInput):
    """Decoded images: uint8, ``[batch, channels, height, width]``.

    Args:
        name: of the input.
        shape: channels, height and width.
    """

    def __init__(self, name: str, shape: tuple[int, int, int]) -> None:
        super().__init__(name)
        self.shape = shape

    def samples(self, size: int) -> Tensor:
        """Images of noise, and some that are of one colour or get brighter from left to right."""
        generator = torch.Generator().manual_seed(size)
        images = torch.randint(256, (size, *self.shape), dtype=torch.uint8, generator=generator)
        ramp = torch.linspace(0, 255, self.shape[2]).to(torch.uint8).expand(self.shape)
        plain = (ramp, ramp.flip(2), 0 * ramp, 0 * ramp + 255)
        for place, each in zip(range(1, size), plain, strict=False):
            images[place] = each
        return images

    def seen(self, values: Tensor, transforms: nn.Module, precision: torch.dtype) -> Tensor:
        return transforms(values.to(precision) / 255)


class TokenInput(FileInput):
    """Tokens of texts: int32, ``[batch, places]``, -1 behind the end of each.

    Args:
        name: of the input.
        tokenizer: that makes them.
    """

    def __init__(self, name: str, tokenizer: Tokenizer) -> None:
        super().__init__(name)
        self.tokenizer = tokenizer

    def samples(self, size: int) -> Tensor:
        """One text of full length; or several, the first of its special tokens alone."""
        length = self.tokenizer.length
        longest = length if size == 1 or size > EXAMPLE else -(-length // 2)
        return self._texts(size, longest)

    def example(self) -> Tensor:
        length = self.tokenizer.length
        return self._texts(EXAMPLE, EXAMPLE_PLACES if length >= EXAMPLE_PLACES else length)

    @property
    def free_axes(self) -> dict[int, Dim]:
        places = Dim(f"{self.name}_places", min=1, max=self.tokenizer.length)
        return {**super().free_axes, 1: places}

    def _texts(self, size: int, longest: int) -> Tensor:
        generator = torch.Generator().manual_seed(size)
        lowest, most = self.tokenizer.specials, self.tokenizer.vocabulary
        texts = torch.randint(lowest, most, (size, longest), generator=generator)
        (shortest,) = self.tokenizer([None]).tokens
        special = shortest[shortest != END][:longest].long()
        texts[:, : len(special)] = special
        shortest_of_several = len(special) if size > 1 else longest
        lengths = torch.linspace(shortest_of_several, longest, size).long()
        texts[torch.arange(longest) >= lengths[:, None]] = END
        return texts.int()


class ColumnInput(FileInput):
    """Numbers and categories: float32, ``[batch, columns]``, NaN where missing.

    Args:
        name: of the input.
        categories: of each column, how many there are; 0 for a number.
        typical: a mean and a deviation of each column, ``[2, columns]``; default: 0 and 1.
    """

    def __init__(self, name: str, categories: Sequence[int], typical: Tensor | None = None) -> None:
        super().__init__(name)
        self.categories = list(categories)
        default = torch.tensor([[0.0], [1.0]]).expand(2, len(self.categories))
        self.typical = default if typical is None else typical

    def samples(self, size: int) -> Tensor:
        """Numbers around the typical ones, every category, and some of them missing."""
        generator = torch.Generator().manual_seed(size)
        mean, deviation = self.typical
        values = torch.randn(size, len(self.categories), generator=generator) * deviation + mean
        for column, count in enumerate(self.categories):
            if count:
                values[:, column] = (torch.arange(size) + column) % count
        numbers = torch.arange(values.numel()).view_as(values)
        # Of the first sample nothing is missing.
        values[1:][numbers[1:] % MISSING_EVERY == 0] = torch.nan
        return values.float()

    def seen(self, values: Tensor, transforms: nn.Module, precision: torch.dtype) -> Tensor:
        return values.to(precision)


def file_inputs(trained: TrainedModel) -> list[FileInput]:
    """What a file of a model takes, in the order of the model's inputs.

    Args:
        trained: the model.

    Raises:
        InputError: if the model's checkpoint does not tell what an input is made of.
    """
    return [_file_input(trained, name) for name in trained.model.inputs]


def _file_input(trained: TrainedModel, name: str) -> FileInput:
    if name == IMAGE:
        format = trained.image_format
        assert format is not None
        return PixelInput(name, format.shape)
    written = trained.written[name]
    if isinstance(written, WrittenText):
        return TokenInput(name, written.tokenizer)
    assert isinstance(written, WrittenColumns)
    counts = [size if size > 1 else 0 for size in written.given.sizes]
    return ColumnInput(name, counts, _typical(trained, name, counts))


def _typical(trained: TrainedModel, name: str, counts: Sequence[int]) -> Tensor | None:
    """The numbers' means and deviations in training, if the encoder has learnt them."""
    for each in trained.model.modules():
        if isinstance(each, Columns) and tuple(each.inputs) == (name,):
            found = torch.tensor([[0.0], [1.0]]).repeat(1, len(counts))
            cells = each.cells
            deviation = torch.where(cells.scale > 0, 1 / cells.scale, 0)
            found[:, cells.numbers] = torch.stack([cells.mean, deviation]).float()
            return found
    return None
