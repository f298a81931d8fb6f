"""What data say of themselves: names, texts, tables, and how people are shown them."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator, Mapping
from typing import Any

import torch
from pandas import DataFrame
from torch import Tensor

from multitask.data.dataset import BatchDataset
from multitask.data.faces import Face, Numbers, Picture, Texts
from multitask.geometry import Geometry
from multitask.images.format import ImageFormat
from multitask.remarks.pixels import are_from_0_to_1
from multitask.tokenizers import Tokenizer, is_text


class DataDescription:
    """The part of a `multitask.data.DataModule` that describes the data.

    A data set overrides what it knows; all else has a default.
    """

    splits: Mapping[str, BatchDataset]

    @abstractmethod
    def setup(self, stage: str | None = None) -> None:
        """Load the splits once."""

    def faces(self) -> dict[str, Face]:
        """How people are shown the inputs, by name; a data set with inputs of its own adds theirs.

        Returns:
            A face for each input: an ``image`` is a picture, a text is what was written, anything
            else a few numbers.
        """
        self.setup()
        inputs = self.splits["train"].inputs(torch.tensor([0]))
        return {name: self._face(name, values) for name, values in inputs.items()}

    def _face(self, name: str, values: Tensor) -> Face:
        if name == "image":
            return Picture()
        if is_text(values):
            return Texts(lambda: self._written(name))
        columns = self.written_inputs().get(name)
        if columns is None:
            return Numbers()
        return Numbers(
            columns.names, {each: columns.category_names(each) for each in columns.names}
        )

    def _written(self, name: str) -> Iterator[tuple[Tensor, list[str]]]:
        """The tokens of a split's texts, and the texts, as far as these are known."""
        for split, samples in self.splits.items():
            if (texts := self.texts(split).get(name)) is not None:
                yield samples.one_input(name, torch.arange(len(samples))), texts

    def own_geometry(self) -> dict[str, Geometry]:
        """How this data set's targets follow where what the images show moves, by task.

        The argument ``geometry`` comes before it. Floating targets and maps (targets of three axes
        or more) in neither are refused as soon as an augmentation moves images; one class number
        for a sample never changes.
        """
        return {}

    def image_format(self) -> ImageFormat | None:
        """What an image file becomes before a model of these data can take it.

        Returns:
            By default the size and the channels that the training images have, to which others
            are stretched; None if there are none, or they are not grey or colour from 0 to 1.
        """
        self.setup()
        first = self.splits["train"].inputs(torch.tensor([0])).get("image")
        if first is None or first.ndim != 4 or first.shape[1] not in (1, 3):
            return None
        if not are_from_0_to_1(first):
            return None
        channels, height, width = first.shape[1:]
        return ImageFormat(height, width, channels)

    def written_inputs(self) -> dict[str, Any]:
        """What people write, and what it becomes before a model of these data can take it.

        Returns:
            By input, a `multitask.tables.input_columns.InputColumns`: the names and the tokenizer
            of a text, or the names of numbers and categories, with all texts that mean missing.
            Empty by default; an image is described by `image_format`.
        """
        return {}

    def names(self, split: str) -> list[str] | None:
        """What people call each sample of a split, such as its file; None if they have no name.

        Args:
            split: ``train``, ``val`` or ``test``.
        """
        return None

    def texts(self, split: str) -> dict[str, list[str]]:
        """The texts of a split's samples as they were written, by input, as far as known.

        Args:
            split: ``train``, ``val`` or ``test``.
        """
        return {}

    def texts_of_words(self, split: str) -> dict[str, tuple[list[str], Tokenizer]]:
        """The texts whose words have labels, by task, and what makes their tokens.

        Args:
            split: ``train``, ``val`` or ``test``.

        Returns:
            None by default. A table has those of its targets that are labels of words, see
            `multitask.tables.token_columns`.
        """
        return {}

    def class_names(self) -> dict[str, list[str]]:
        """The names of the classes in the order of their numbers, by task, as far as known."""
        return {}

    def element_names(self) -> dict[str, list[str]]:
        """The names of the elements of vectors, by task, as far as known."""
        return {}

    def tables(self) -> list[dict[str, Any]]:
        """How tables of further samples are read; none for data that are not tables.

        Returns:
            Ways to read one, of which the first that fits a table is meant: see
            `multitask.data.Table.tables`.
        """
        return []

    def groups(self, split: str) -> tuple[str, list[Any]] | None:
        """Which samples of a split belong together, such as the images of one patient.

        Such samples are alike, so that they say less than as many others: intervals of results are
        found by drawing groups rather than samples.

        Args:
            split: ``train``, ``val`` or ``test``.

        Returns:
            What the groups are, and the group of each sample, None, NaN or an empty text for one
            that belongs to none; None if each stands for itself.
        """
        return None

    def records(self) -> dict[str, DataFrame]:
        """Tables to keep in a run's folder, by file name, such as which sample is in which split.

        They are asked for once the splits are loaded.
        """
        return {}

    def source_rows(self, split: str) -> dict[str, slice]:
        """Which samples of a split come from which source, by the source's name.

        Batches of such data hold ``@source`` ``[batch]`` int64, the source's place in this mapping.

        Args:
            split: ``train``, ``val`` or ``test``.

        Returns:
            Empty where the data are of one source.
        """
        return {}
