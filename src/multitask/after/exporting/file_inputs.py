"""Inputs of an exported file, and samples to compare it with."""

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
"""Batch size for tracing the graph; a graph for this size only is rejected."""
EXAMPLE_PLACES = 7
"""Number of tokens in it; different from the batch size, so that the two are not confused."""
MISSING_EVERY = 5
"""One in this many numbers in the comparison samples is missing."""


class FileInput(ABC):
    """One input of an exported file.

    Args:
        name: name of the input.
    """

    def __init__(self, name: str) -> None:
        self.name = name

    @abstractmethod
    def samples(self, size: int) -> Tensor:
        """Samples that are as diverse as possible, and always the same; first axis ``[size]``."""

    def seen(self, values: Tensor, transforms: nn.Module, precision: torch.dtype) -> Tensor:
        """Convert values in the form of the file to inputs of the model.

        Args:
            values: values, first axis ``[batch]``.
            transforms: transforms of images from 0 to 1.
            precision: dtype of the model's parameters.
        """
        return values

    def example(self) -> Tensor:
        """The batch for tracing the graph; see `EXAMPLE`."""
        return self.samples(EXAMPLE)

    @property
    def free_axes(self) -> dict[int, Dim]:
        """Dimensions of any size, by the index of the axis."""
        return {0: Dim(BATCH, min=1)}


class PixelInput(FileInput):
    """Decoded images: uint8, ``[batch, channels, height, width]``.

    Args:
        name: name of the input.
        shape: channels, height and width.
    """

    def __init__(self, name: str, shape: tuple[int, int, int]) -> None:
        super().__init__(name)
        self.shape = shape

    def samples(self, size: int) -> Tensor:
        """Images of noise, and some with a single colour or with a gradient from left to right."""
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
    """Tokens of texts: int32, ``[batch, places]``, -1 after the end of each text.

    Args:
        name: name of the input.
        tokenizer: tokenizer of the input.
    """

    def __init__(self, name: str, tokenizer: Tokenizer) -> None:
        super().__init__(name)
        self.tokenizer = tokenizer

    def samples(self, size: int) -> Tensor:
        """One text of full length; or several, the first with its special tokens only."""
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
        name: name of the input.
        categories: number of categories of each column; 0 for a number.
        typical: mean and standard deviation of each column, ``[2, columns]``; default: 0 and 1.
    """

    def __init__(self, name: str, categories: Sequence[int], typical: Tensor | None = None) -> None:
        super().__init__(name)
        self.categories = list(categories)
        default = torch.tensor([[0.0], [1.0]]).expand(2, len(self.categories))
        self.typical = default if typical is None else typical

    def samples(self, size: int) -> Tensor:
        """Numbers around the typical ones, every category, and some missing values."""
        generator = torch.Generator().manual_seed(size)
        mean, deviation = self.typical
        values = torch.randn(size, len(self.categories), generator=generator) * deviation + mean
        for column, count in enumerate(self.categories):
            if count:
                values[:, column] = (torch.arange(size) + column) % count
        numbers = torch.arange(values.numel()).view_as(values)
        # Nothing is missing in the first sample.
        values[1:][numbers[1:] % MISSING_EVERY == 0] = torch.nan
        return values.float()

    def seen(self, values: Tensor, transforms: nn.Module, precision: torch.dtype) -> Tensor:
        return values.to(precision)


def file_inputs(trained: TrainedModel) -> list[FileInput]:
    """The inputs of a model's exported file, in the order of the model's inputs.

    Args:
        trained: the model.

    Raises:
        InputError: if the model's checkpoint does not specify what an input consists of.
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
    """The means and standard deviations in training, if the encoder has learned them."""
    for each in trained.model.modules():
        if isinstance(each, Columns) and tuple(each.inputs) == (name,):
            found = torch.tensor([[0.0], [1.0]]).repeat(1, len(counts))
            cells = each.cells
            deviation = torch.where(cells.scale > 0, 1 / cells.scale, 0)
            found[:, cells.numbers] = torch.stack([cells.mean, deviation]).float()
            return found
    return None
