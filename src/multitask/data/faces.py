"""Display of inputs and maps: a picture or a few words per sample."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

from multitask.missing_labels import are_box_lists, known
from multitask.tokenizers import text_mask

MOST_SHOWN = 8
"""Number of values per sample that `Numbers` displays."""
LETTERS = 80
"""Number of characters of a text that `Texts` displays."""
MISSING_COLOUR = (1.0, 0.75, 0.75)
"""Red, green and blue of the missing pixels of a map."""


Shown = dict[str, Tensor | str]
"""The display of one sample by name: pictures and texts, see `Face.show`."""


class Face(ABC):
    """Defines how an input or a target is displayed in figures, tables of samples and reports."""

    @abstractmethod
    def show(self, value: Tensor) -> Tensor | str:
        """Show one sample's value.

        Args:
            value: the value in a batch, without the batch axis.

        Returns:
            A picture, float32 from 0 to 1, shape ``[height, width]``, or for colours ``[height,
            width, 3]`` or ``[height, width, 4]``; or a text of one line.
        """

    def on_one_scale(self, values: Sequence[Tensor]) -> Face:
        """Return a face that shows all of some values on one scale; by default this one.

        Args:
            values: values of samples that are displayed together, each with first axis
                ``[samples]``.
        """
        return self


class Picture(Face):
    """An image whose values are scaled to the range from 0 to 1.

    Three or four channels are displayed as colours; otherwise the first channel is displayed.

    Args:
        limits: the values that are displayed as 0 and 1; default: the minimum and maximum of each
            image.
    """

    def __init__(self, limits: tuple[float, float] | None = None) -> None:
        self.limits = limits

    def show(self, value: Tensor) -> Tensor:
        scaled = _stretched(value, self.limits or _limits(value.flatten())).permute(1, 2, 0)
        return scaled if scaled.shape[2] in (3, 4) else scaled[:, :, 0]

    def on_one_scale(self, values: Sequence[Tensor]) -> Picture:
        return self if self.limits else Picture(_limits(*(each.flatten() for each in values)))


class Map(Face):
    """A target with a class or numbers per pixel, whose known values are scaled from 0 to 1.

    Three channels are displayed as colours; otherwise the first channel. Missing pixels are red.

    Args:
        limits: see `Picture`.
    """

    def __init__(self, limits: tuple[float, float] | None = None) -> None:
        self.limits = limits

    def show(self, value: Tensor) -> Tensor:
        maps = value.flatten(0, -3) if value.ndim > 2 else value.unsqueeze(0)
        maps = maps if len(maps) == 3 else maps[:1].expand(3, -1, -1)
        scaled = _stretched(maps, self.limits or _limits(maps[known(maps)]))
        missing = torch.tensor(MISSING_COLOUR).view(3, 1, 1)
        return torch.where(known(maps), scaled, missing).permute(1, 2, 0)

    def on_one_scale(self, values: Sequence[Tensor]) -> Map:
        return self if self.limits else Map(_limits(*(each[known(each)] for each in values)))


def _limits(*values: Tensor) -> tuple[float, float]:
    numbers = torch.cat([each[each.isfinite()].double() for each in values])
    return (float(numbers.min()), float(numbers.max())) if len(numbers) else (0.0, 0.0)


def _stretched(values: Tensor, limits: tuple[float, float]) -> Tensor:
    low, high = limits
    scaled = (values.double() - low) / max(high - low, 1e-9)
    return scaled.clamp(0, 1).nan_to_num().float()


class Numbers(Face):
    """The first few of a sample's numbers, such as columns of a table, with names if known.

    Args:
        names: names of the numbers, in order; default: none.
        categories: for each name of a categorical number, the categories that it indexes.
    """

    def __init__(
        self, names: Sequence[str] = (), categories: Mapping[str, Sequence[str]] | None = None
    ) -> None:
        self.names, self.categories = list(names), dict(categories or {})

    def show(self, value: Tensor) -> str:
        numbers = value.flatten()
        values = numbers[:MOST_SHOWN].tolist()
        if len(self.names) == len(numbers):
            pairs = zip(self.names, values, strict=False)
            shown = [f"{name} {self._named(name, each)}" for name, each in pairs]
        else:
            shown = [_number(each) for each in values]
        more = [f"... ({len(numbers)} in all)"] if len(numbers) > MOST_SHOWN else []
        return ", ".join([*shown, *more])

    def _named(self, name: str, value: float) -> str:
        kinds = self.categories.get(name, ())
        is_one = value == value and 0 <= round(value) < len(kinds)
        return str(kinds[round(value)]) if is_one else _number(value)


def _number(value: float | int) -> str:
    if isinstance(value, int):
        return str(value)
    return "?" if value != value else f"{value:.4g}"


class Texts(Face):
    """A text as written, cut to one line; its token numbers if the text is unknown.

    Texts that were changed, such as by an augmentation, differ from the written ones.

    Args:
        written: yields the tokens of known texts, one row each, and the texts; called once, when
            the first text is displayed.
    """

    def __init__(self, written: Callable[[], Iterable[tuple[Tensor, Sequence[str]]]]) -> None:
        self._written, self._known = written, dict[bytes, str]()
        self._is_asked = False

    def show(self, value: Tensor) -> str:
        if not self._is_asked:
            self._is_asked = True
            for tokens, texts in self._written():
                for row, text in zip(tokens, texts, strict=True):
                    # Two texts with the same tokens are rare, and begin in the same way.
                    self._known.setdefault(_key(row), text)
        known = self._known.get(_key(value))
        return Numbers().show(value[text_mask(value)]) if known is None else one_line(known)


def one_line(text: str, letters: int = LETTERS) -> str:
    """Collapse the whitespace of a text to single blanks, and cut it if it is long.

    Args:
        text: text of any length.
        letters: largest length of the result.
    """
    words = " ".join(text[: 8 * letters].split())
    return words if len(words) <= letters else f"{words[: letters - 1].rstrip()}…"


def _key(row: Tensor) -> bytes:
    # Regardless of the padding of its batch.
    return row[text_mask(row)].cpu().numpy().tobytes()


def on_one_scale(faces: Mapping[str, Face], inputs: Mapping[str, Tensor]) -> dict[str, Face]:
    """Return faces that show all samples of a batch on one scale; existing scales are kept.

    Args:
        faces: the faces by input.
        inputs: at least the inputs with a face, first axis ``[batch]``.
    """
    return {name: face.on_one_scale([inputs[name]]) for name, face in faces.items()}


def show_samples(
    inputs: Mapping[str, Tensor],
    faces: Mapping[str, Face],
    targets: Mapping[str, Any] | None = None,
    predicted: Mapping[str, Tensor] | None = None,
) -> list[Shown]:
    """Display each sample of a batch, with all pictures of one kind on one scale.

    Args:
        inputs: at least the inputs with a face, by name, first axis ``[batch]``.
        faces: the faces by input.
        targets: targets by task, of which maps (three or more axes) are displayed; default: none.
        predicted: predicted maps by task, each displayed beside its target on the same scale, as
            ``<task>, predicted``; default: none.

    Returns:
        The display of each sample.
    """
    fitted = on_one_scale(faces, inputs)
    columns = {name: map(face.show, inputs[name]) for name, face in fitted.items()}
    for name, values in (targets or {}).items():
        maps = {name: values} if _are_maps(values) else {}
        if name in (predicted or {}):
            maps[f"{name}, predicted"] = predicted[name]  # type: ignore[index]
        face = Map().on_one_scale(list(maps.values())) if maps else Map()
        columns |= {key: map(face.show, each) for key, each in maps.items()}
    rows = zip(*columns.values(), strict=True)
    return [dict(zip(columns, row, strict=True)) for row in rows]


def _are_maps(values: Any) -> bool:
    return isinstance(values, Tensor) and values.ndim > 2 and not are_box_lists(values)
