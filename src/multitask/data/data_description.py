"""Descriptions of data: names, texts, tables, and how samples are displayed."""

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

    A data set overrides what it can provide; everything else has a default.
    """

    splits: Mapping[str, BatchDataset]

    @abstractmethod
    def setup(self, stage: str | None = None) -> None:
        """Load the splits once."""

    def faces(self) -> dict[str, Face]:
        """How the inputs are displayed, by name; a data set with further inputs adds their faces.

        Returns:
            A face for each input: an ``image`` is shown as a picture, a text as written, and
            anything else as a few numbers.
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
        """Yield the tokens of a split's texts, and the texts, if these are known."""
        for split, samples in self.splits.items():
            if (texts := self.texts(split).get(name)) is not None:
                yield samples.one_input(name, torch.arange(len(samples))), texts

    def own_geometry(self) -> dict[str, Geometry]:
        """How the targets of this data set follow if image content moves, by task.

        The argument ``geometry`` overrides it. Floating targets and maps (targets with three or
        more axes) that are in neither are refused if an augmentation moves images; a single class
        index per sample never changes.
        """
        return {}

    def image_format(self) -> ImageFormat | None:
        """How an image file is converted for a model of these data.

        Returns:
            By default the size and channels of the training images, to which other images are
            resized; None if there are no images, or they are not grey or colour images from 0 to 1.
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
        """How inputs written by people are converted for a model of these data.

        Returns:
            For each input, a `multitask.tables.input_columns.InputColumns`: the names and the
            tokenizer of a text, or the names of numbers and categories, with all texts that mark
            missing values. Empty by default; images are described by `image_format`.
        """
        return {}

    def names(self, split: str) -> list[str] | None:
        """Return the name of each sample of a split, such as its file; None if there are none.

        Args:
            split: ``train``, ``val`` or ``test``.
        """
        return None

    def texts(self, split: str) -> dict[str, list[str]]:
        """Return the original texts of a split's samples by input, if known.

        Args:
            split: ``train``, ``val`` or ``test``.
        """
        return {}

    def texts_of_words(self, split: str) -> dict[str, tuple[list[str], Tokenizer]]:
        """Return the texts whose words have labels, by task, and their tokenizers.

        Args:
            split: ``train``, ``val`` or ``test``.

        Returns:
            Empty by default. For a table, the texts of its targets that are labels of words, see
            `multitask.tables.token_columns`.
        """
        return {}

    def class_names(self) -> dict[str, list[str]]:
        """The names of the classes in the order of their indices, by task, if known."""
        return {}

    def element_names(self) -> dict[str, list[str]]:
        """The names of the elements of vectors, by task, if known."""
        return {}

    def tables(self) -> list[dict[str, Any]]:
        """How tables with new samples are read; empty for data that are not tables.

        Returns:
            Ways to read a table, of which the first that fits it is used: see
            `multitask.data.Table.tables`.
        """
        return []

    def groups(self, split: str) -> tuple[str, list[Any]] | None:
        """Return which samples of a split belong together, such as the images of one patient.

        Samples of one group are similar and carry less information than independent ones, so
        confidence intervals are computed by resampling groups instead of samples.

        Args:
            split: ``train``, ``val`` or ``test``.

        Returns:
            What the groups are, and the group of each sample, where None, NaN or an empty text
            marks a sample without a group; None if all samples are independent.
        """
        return None

    def records(self) -> dict[str, DataFrame]:
        """Tables to store in a run's folder, by file name, such as the split of each sample.

        They are requested after the splits are loaded.
        """
        return {}

    def source_rows(self, split: str) -> dict[str, slice]:
        """Return which samples of a split come from which source, by source name.

        Batches of such data hold ``@source`` ``[batch]`` int64, the index of the source in this
        mapping.

        Args:
            split: ``train``, ``val`` or ``test``.

        Returns:
            Empty if the data have a single source.
        """
        return {}
