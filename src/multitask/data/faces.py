"""What inputs and maps look like to people: a picture or a few words for each sample."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

from multitask.labels import are_box_lists, known
from multitask.tokenizers import text_mask

MOST_SHOWN = 8
"""Numbers of one sample that `Numbers` writes."""
LETTERS = 80
"""Of a text that `Texts` writes."""
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

    def on_one_scale(self, values: Sequence[Tensor]) -> Face:
        """A face that shows all of some values on one scale; by default this one.

        Args:
            values: of samples that are shown together, first axis ``[samples]`` each.
        """
        return self


class Picture(Face):
    """An image, its values stretched to the range from 0 to 1.

    Three or four channels are taken for colours; else the first channel is shown.

    Args:
        limits: the values that are shown as 0 and 1; each image's own lowest and highest if not
            given.
    """

    def __init__(self, limits: tuple[float, float] | None = None) -> None:
        self.limits = limits

    def show(self, value: Tensor) -> Tensor:
        scaled = _stretched(value, self.limits or _limits(value.flatten())).permute(1, 2, 0)
        return scaled if scaled.shape[2] in (3, 4) else scaled[:, :, 0]

    def on_one_scale(self, values: Sequence[Tensor]) -> Picture:
        return self if self.limits else Picture(_limits(*(each.flatten() for each in values)))


class Map(Face):
    """A target with a class or numbers for each pixel, its known values stretched from 0 to 1.

    Three channels are taken for colours; else the first channel is shown. Missing pixels are red.

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
    """The first few numbers of anything, such as columns of a table, with their names if known.

    Args:
        names: of the numbers, in order; none by default.
        categories: by name, those of a number that is a category's place in them.
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
    """A text as it was written, cut to one line; its token numbers if the text is not known.

    Texts that were changed, such as by an augmentation, are no longer those that were written.

    Args:
        written: gives the tokens of known texts, one row each, and the texts; asked once, when the
            first text is shown.
    """

    def __init__(self, written: Callable[[], Iterable[tuple[Tensor, Sequence[str]]]]) -> None:
        self._written, self._known = written, dict[bytes, str]()
        self._is_asked = False

    def show(self, value: Tensor) -> str:
        if not self._is_asked:
            self._is_asked = True
            for tokens, texts in self._written():
                for row, text in zip(tokens, texts, strict=True):
                    # The same tokens are hardly ever another text, and then begin in the same way.
                    self._known.setdefault(_key(row), text)
        known = self._known.get(_key(value))
        return Numbers().show(value[text_mask(value)]) if known is None else one_line(known)


def one_line(text: str, letters: int = LETTERS) -> str:
    """A text with one blank instead of line breaks and blanks, and without its end if it is long.

    Args:
        text: of any length.
        letters: most of what is returned.
    """
    words = " ".join(text[: 8 * letters].split())
    return words if len(words) <= letters else f"{words[: letters - 1].rstrip()}…"


def _key(row: Tensor) -> bytes:
    # However far its batch is padded.
    return row[text_mask(row)].cpu().numpy().tobytes()


def on_one_scale(faces: Mapping[str, Face], inputs: Mapping[str, Tensor]) -> dict[str, Face]:
    """Faces that show all samples of a batch on one scale; one that has a scale keeps it.

    Args:
        faces: by input.
        inputs: at least those inputs, first axis ``[batch]``.
    """
    return {name: face.on_one_scale([inputs[name]]) for name, face in faces.items()}


def show_samples(
    inputs: Mapping[str, Tensor],
    faces: Mapping[str, Face],
    targets: Mapping[str, Any] | None = None,
    predicted: Mapping[str, Tensor] | None = None,
) -> list[Shown]:
    """Show each sample of a batch; all pictures of one kind are on one scale.

    Args:
        inputs: at least the inputs that have a face, by name, first axis ``[batch]``.
        faces: by input.
        targets: by task, of which maps (three axes or more) are shown too; none by default.
        predicted: maps by task, each shown beside its target and on its scale, as
            ``<task>, predicted``; none by default.

    Returns:
        One for each sample.
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
