"""A small network over numbers and categories, such as the columns of a table."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import torch
from torch import Tensor, nn

from multitask.encoders.base import Encoder
from multitask.encoders.token_embedding import check_share
from multitask.errors import InputError
from multitask.pages.words import counted


class Columns(Encoder):
    """Linear layers with layer normalisation and ReLU over numbers and categories.

    Each number is standardised by the mean and the standard deviation of the training samples,
    which are learnt once before training and stored with the weights. An indicator is added for
    whether it is missing; a missing number is replaced by the mean. Each category is a learned
    vector, and so is a missing one.

    Args:
        sizes: for each column, 1 for a number, or the number of categories, at least 2. A category
            is given as its number, counted from 0.
        hidden: widths of the hidden layers.
        out_features: size of the representation.
        embedding: size of the vector of a category.
        dropout: dropout probability of the features after each layer.
        input: name of the columns among the data's inputs.

    Raises:
        InputError: if a setting is invalid.
    """

    takes_missing = True

    def __init__(
        self,
        sizes: Sequence[int],
        hidden: Sequence[int] = (64,),
        out_features: int = 64,
        embedding: int = 8,
        dropout: float = 0.0,
        input: str = "numbers",
    ) -> None:
        super().__init__()
        if not sizes or min(sizes) < 1:
            raise InputError(
                f"Columns: sizes is {list(sizes)}; give 1 for each number, and for each category "
                "how many there are"
            )
        check_share(self, "dropout", dropout)
        self.inputs, self.hidden, self.out_features = (input,), list(hidden), out_features
        self.cells = Cells(sizes, embedding)
        layers = [
            nn.Sequential(
                nn.Linear(before, after), nn.LayerNorm(after), nn.ReLU(), nn.Dropout(dropout)
            )
            for before, after in pairwise([self.cells.features, *hidden, out_features])
        ]
        self.layers = nn.Sequential(*layers)

    @property
    def needs_statistics(self) -> bool:  # type: ignore[override]
        """Whether there are numbers without statistics."""
        return bool(len(self.cells.numbers)) and not bool(self.cells.samples)

    def check_inputs(self, inputs: Sequence[Tensor], setting: str) -> None:
        (values,), (name,), sizes = inputs, self.inputs, self.cells.sizes
        if values.ndim != 2 or not values.is_floating_point():
            raise InputError(
                f"{setting}.init_args.input is '{name}', which is not columns of numbers but "
                f"{values.dtype} of shape {tuple(values.shape)}; name an input of numbers"
            )
        if values.shape[1] != len(sizes):
            raise InputError(
                f"{setting}.init_args.sizes lists {counted(len(sizes), 'column')}, but '{name}' "
                f"has {values.shape[1]}; give a size for each"
            )
        for place, size in enumerate(sizes):
            column = values[:, place]
            column = column[~column.isnan()]
            if size == 1 and column.isinf().any():
                raise InputError(
                    f"column {place + 1} of '{name}' contains an infinite number; give a finite "
                    "one, or NaN if missing"
                )
            whole = (column == column.round()) & (column >= 0)
            if size > 1 and not whole.all():
                raise InputError(
                    f"{setting}.init_args.sizes has {size} categories for column {place + 1} of "
                    f"'{name}', but contains the number {float(column[~whole][0]):g}, which is not "
                    "a category; set the column's size to 1 for numbers"
                )
            if size > 1 and (column >= size).any():
                most = int(column.max())
                raise InputError(
                    f"{setting}.init_args.sizes has {size} categories for column {place + 1} of "
                    f"'{name}', but contains category {most}, counted from 0; set the column's "
                    f"size to at least {most + 1}"
                )

    def learn_statistics(self, inputs: Sequence[Tensor]) -> None:
        """Learn each number's mean and standard deviation."""
        self.cells.learn(inputs[0])

    def stages(self) -> list[nn.Module]:
        """Each linear layer with the modules that follow it."""
        first, *others = self.layers
        return [nn.Sequential(self.cells, first), *others]

    def stage_features(self) -> list[int]:
        """The widths of the hidden layers."""
        return self.hidden

    def forward(self, numbers: Tensor) -> Tensor:
        """Encode columns, NaN if missing, shape ``[batch, columns]``, floating."""
        return self.layers(self.cells(numbers))


class Cells(nn.Module):
    """Maps a row of numbers and categories to one vector.

    Args:
        sizes: see `Columns`.
        embedding: size of the vector of a category.
    """

    numbers: Tensor
    categories: Tensor
    offsets: Tensor
    most: Tensor
    mean: Tensor
    scale: Tensor
    samples: Tensor

    def __init__(self, sizes: Sequence[int], embedding: int) -> None:
        super().__init__()
        self.sizes = list(sizes)
        known = torch.tensor(self.sizes)
        for name, chosen in (("numbers", known == 1), ("categories", known > 1)):
            self.register_buffer(name, chosen.nonzero()[:, 0], persistent=False)
        most = known[known > 1]
        # One table for all columns, with an additional row in each for a missing cell.
        rows = most + 1
        self.register_buffer("most", most, persistent=False)
        self.register_buffer("offsets", rows.cumsum(0) - rows, persistent=False)
        self.table = nn.Embedding(int(rows.sum()), embedding) if len(rows) else None
        self.register_buffer("mean", torch.zeros(len(self.numbers)))
        self.register_buffer("scale", torch.ones(len(self.numbers)))
        self.register_buffer("samples", torch.zeros((), dtype=torch.int64))
        self.features = 2 * len(self.numbers) + embedding * len(rows)

    @torch.no_grad()
    def learn(self, values: Tensor) -> None:
        """Learn the statistics for standardisation.

        Args:
            values: values of training samples, NaN if missing, shape ``[samples, columns]``.
        """
        numbers = values[:, self.numbers.to(values.device)].double()
        known = ~numbers.isnan()
        count = known.sum(0).clamp_min(1)
        mean = torch.where(known, numbers, 0).sum(0) / count
        deviation = (torch.where(known, numbers - mean, 0).square().sum(0) / count).sqrt()
        # Not by the deviation, which rounding keeps above 0. A number that is constant in training
        # carries no information, even if other values occur later.
        infinity = float("inf")
        lowest = torch.where(known, numbers, infinity).amin(0)
        varies = torch.where(known, numbers, -infinity).amax(0) > lowest
        self.mean.copy_(mean)
        scale = torch.where(varies, 1 / deviation, 0)
        self.scale.copy_(scale.clamp_max(torch.finfo(torch.float32).max))
        self.samples.fill_(len(values))

    def forward(self, values: Tensor) -> Tensor:
        """Map ``[batch, columns]`` to ``[batch, features]``."""
        parts = []
        if len(self.mean):
            numbers = values.index_select(1, self.numbers)
            is_missing = numbers.isnan()
            # Filled before any arithmetic, as the gradient of NaN is NaN even if it is unused.
            filled = torch.where(is_missing, self.mean.to(values.dtype), numbers)
            standard = (filled - self.mean.to(values.dtype)) * self.scale.to(values.dtype)
            parts += [standard, is_missing.to(values.dtype)]
        if self.table is not None:
            cells = values.index_select(1, self.categories).round()
            # NaN is outside any range.
            is_known = (cells >= 0) & (cells < self.most)
            places = torch.where(is_known, cells.nan_to_num(0), self.most.to(cells.dtype)).long()
            parts.append(self.table(places + self.offsets).flatten(1))
        return torch.cat(parts, 1)
