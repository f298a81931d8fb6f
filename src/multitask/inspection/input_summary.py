"""Summaries of inputs that are texts or columns: lengths, repetitions and missing values."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from multitask.data import DataModule
from multitask.data.duplicates import equal_places, input_hashes
from multitask.inspection.target_summary import Numbers, quartiles
from multitask.tokenizers import is_text, text_mask

MOST_WORDS = 20
WORD = re.compile(r"[^\W_]+(?:'[^\W_]+)?")


@dataclass(frozen=True)
class TextSummary:
    """The summary of a text input.

    Args:
        name: name of the input.
        places: most tokens of a text, including the start token.
        texts: number of texts, by split.
        empty: number of texts without tokens other than special ones, by split.
        full: number of texts that fill all places, so that their end may be cut off, by split.
        tokens: minimum, quartiles and maximum of the number of tokens, by split, ``[5]``.
        repeated: number of texts that repeat an earlier text of the same split, by split.
        trained: number of texts that also occur in training, by split; none for training.
        vocabulary: number of distinct words in training; 0 if the texts are not known.
        words: the most frequent words in training, and the fraction of texts that contain each.
    """

    name: str
    places: int
    texts: dict[str, int]
    empty: dict[str, int]
    full: dict[str, int]
    tokens: dict[str, Numbers]
    repeated: dict[str, int]
    trained: dict[str, int]
    vocabulary: int
    words: list[tuple[str, float]]


@dataclass(frozen=True)
class ColumnSummary:
    """The summary of a column of an input of numbers and categories.

    Args:
        name: name of the column.
        categories: names of its categories; empty for a number.
        missing: number of missing cells, by split.
        samples: number of samples, by split.
        quartiles: minimum, quartiles and maximum, by split, ``[5]``; NaN if no value is known.
        counts: number of samples of each category, by split, ``[categories]``, int64.
    """

    name: str
    categories: list[str]
    missing: dict[str, int]
    samples: dict[str, int]
    quartiles: dict[str, Numbers]
    counts: dict[str, Tensor]

    @property
    def is_constant(self) -> bool:
        """Whether all training samples have the same value."""
        low, high = self.quartiles["train"][[0, 4]]
        return self.missing["train"] in (0, self.samples["train"]) and not low < high

    def unseen(self) -> dict[str, list[str]]:
        """For each split, its categories that do not occur in training."""
        untrained = self.counts["train"] == 0
        found = {
            split: [self.categories[at] for at in (untrained & (each > 0)).nonzero().flatten()]
            for split, each in self.counts.items()
        }
        return {split: names for split, names in found.items() if names}


@dataclass(frozen=True)
class ColumnsSummary:
    """The summary of an input of numbers and categories.

    Args:
        name: name of the input.
        columns: summaries of the columns, in order.
    """

    name: str
    columns: list[ColumnSummary]


InputSummary = TextSummary | ColumnsSummary


def summarise_inputs(data: DataModule) -> list[InputSummary]:
    """Summarise all inputs that are texts, or numbers and categories.

    Args:
        data: the loaded data.
    """
    first = data.splits["train"].inputs(torch.tensor([0]))
    written = data.written_inputs()
    found: list[InputSummary] = []
    for name, values in first.items():
        if is_text(values):
            found.append(_text(data, name))
        elif name != "image" and values.ndim == 2 and values.is_floating_point():
            read = {split: _all(data, split, name) for split in data.splits}
            columns = written.get(name)
            names = [f"{name}[{at}]" for at in range(values.shape[1])]
            if columns is not None and len(columns.names) == len(names):
                kinds = [columns.category_names(each) for each in columns.names]
                found.append(_columns(name, columns.names, kinds, read))
            else:
                found.append(_columns(name, names, [[] for _ in names], read))
    return found


def _all(data: DataModule, split: str, name: str) -> Tensor:
    samples = data.splits[split]
    return samples.one_input(name, torch.arange(len(samples)))


def _text(data: DataModule, name: str) -> TextSummary:
    tokens = {split: _all(data, split, name) for split in data.splits}
    counts = {split: text_mask(each).sum(1) for split, each in tokens.items()}
    hashes = {split: input_hashes(each, only=name) for split, each in data.splits.items()}
    texts = data.texts("train").get(name)
    # Besides the start token, a tokenizer may add a special token at the end.
    least = {split: int(each.min()) for split, each in counts.items()}
    empty = {split: counts[split] <= min(least[split], 2) for split in counts}
    if texts is not None:
        known = {split: data.texts(split)[name] for split in data.splits}
        empty = {
            split: torch.tensor([not t.strip() for t in each]) for split, each in known.items()
        }
    places = next(iter(tokens.values())).shape[1]
    vocabulary, words = _words(texts or ())
    return TextSummary(
        name=name,
        places=places,
        texts={split: len(each) for split, each in tokens.items()},
        empty={split: int(each.sum()) for split, each in empty.items()},
        full={split: int((each == places).sum()) for split, each in counts.items()},
        tokens={
            split: quartiles(each.double().numpy()[:, None])[0] for split, each in counts.items()
        },
        repeated={
            split: sum(len(group) - 1 for group in equal_places(each[~empty[split].numpy()]))
            for split, each in hashes.items()
        },
        trained={
            split: int(np.isin(each[~empty[split].numpy()], hashes["train"]).sum())
            for split, each in hashes.items()
            if split != "train"
        },
        vocabulary=vocabulary,
        words=words,
    )


def _words(texts: Sequence[str]) -> tuple[int, list[tuple[str, float]]]:
    counts: Counter[str] = Counter()
    for text in texts:
        counts.update(dict.fromkeys(WORD.findall(text.lower()), 1))
    return len(counts), [(word, n / len(texts)) for word, n in counts.most_common(MOST_WORDS)]


def _columns(
    name: str, names: Sequence[str], kinds: Sequence[list[str]], read: Mapping[str, Tensor]
) -> ColumnsSummary:
    columns = []
    for at, (column, categories) in enumerate(zip(names, kinds, strict=True)):
        values = {split: each[:, at] for split, each in read.items()}
        known = {split: each[~each.isnan()] for split, each in values.items()}
        size = len(categories)
        columns.append(
            ColumnSummary(
                name=column,
                categories=categories,
                missing={split: len(each) - len(known[split]) for split, each in values.items()},
                samples={split: len(each) for split, each in values.items()},
                quartiles={
                    split: quartiles(each.double().numpy()[:, None])[0]
                    for split, each in known.items()
                },
                counts={
                    split: torch.bincount(each.long(), minlength=size) if size else each[:0].long()
                    for split, each in known.items()
                },
            )
        )
    return ColumnsSummary(name, columns)
