"""An encoder with weights from any file."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from torch import Tensor

from multitask.checkpoints.fits import kind_of
from multitask.checkpoints.named_checkpoint import named_checkpoint
from multitask.checkpoints.source import OWN, source_of
from multitask.checkpoints.weight_file import read_weights
from multitask.configuration.trust import ANOTHER, refuse_for_stranger
from multitask.encoders.base import Encoder
from multitask.errors import InputError
from multitask.pages.words import counted, listed

MAY_LACK = (".num_batches_tracked", "normalisation.mean", "normalisation.deviation")
"""Buffers that other programs do not have, so that a file may lack them."""


class FromWeights(Encoder):
    """An encoder initialised with the weights of a file whose names and shapes fit.

    The result is the encoder itself; the run's checkpoints describe it without the file, which is
    no longer needed. Images are not normalised for these weights: let the data do so, with the mean
    and standard deviation that the weights were trained with.

    Args:
        encoder: the encoder.
        path: path of a file of torch or safetensors; or of a run's folder, which means its best
            checkpoint. Weights are also found under keys such as ``state_dict`` or ``model``, and
            with the prefix ``module.`` of DDP.
        prefix: prefix of the names of the weights to load, such as ``encoder.``; the rest of each
            name is compared with the encoder's own names.

    Raises:
        InputError: if the file cannot be read, or none of its weights fits.
    """

    def __new__(cls, encoder: Encoder, path: str | Path, prefix: str = "") -> Any:
        """Load the weights into the encoder, and return it instead of an instance of this class."""
        if (own := OWN.get()) is not None:
            encoder.source = source_of(own, "FromWeights", "")
            return encoder
        if not str(path):
            raise InputError("FromWeights: path is empty; give the path of a file of weights")
        try:
            refuse_for_stranger(ANOTHER)
            file = named_checkpoint(Path(path))
            match = matched(_below(prefix, read_weights(file)), encoder.state_dict())
            if not match.taken:
                raise InputError(_nothing(read_weights(file), encoder.state_dict(), match))
        except InputError as error:
            raise InputError(f"FromWeights: {path}: {error}") from error
        encoder.load_state_dict({**encoder.state_dict(), **match.taken})
        encoder.source = source_of(file, "FromWeights", match.sentence(str(path)))
        return encoder

    def __init__(self, encoder: Encoder, path: str | Path, prefix: str = "") -> None:
        """Never called; it declares the settings."""

    def forward(self, *inputs: Any, **options: Any) -> Any:
        """Never called, see `FromWeights`."""
        raise TypeError("FromWeights creates another encoder, and does not encode anything itself")


@dataclass(frozen=True)
class Match:
    """The result of matching a file's weights with an encoder's.

    Args:
        taken: weights that are used, by the encoder's names.
        missing: names of the encoder that the file lacks.
        misshapen: by the encoder's names, the shapes in the file and in the encoder.
        unused: names in the file that the encoder lacks.
    """

    taken: dict[str, Tensor]
    missing: list[str]
    misshapen: dict[str, tuple[tuple[int, ...], tuple[int, ...]]]
    unused: list[str]

    def sentence(self, path: str) -> str:
        """Describe in a sentence or two which weights were loaded and which were not.

        Args:
            path: path of the file.
        """
        found = sum(not name.endswith(MAY_LACK) for name in self.taken)
        total = found + len(self.missing) + len(self.misshapen)
        said = f"The encoder has {found} of its {counted(total, 'weight')} from {path}"
        anew = [*self.shapes(), *(f"'{name}' is missing" for name in self.missing)]
        if anew:
            said += f"; the others start from scratch: {listed(anew)}"
        if self.unused:
            names = listed((f"'{name}'" for name in self.unused), 3)
            said += f". Not used from the file: {names}"
        return said

    def shapes(self) -> list[str]:
        """Descriptions of the weights with another shape."""
        return [
            f"'{name}' is {one} in the file, {two} here"
            for name, (one, two) in self.misshapen.items()
        ]


def matched(weights: Mapping[str, Tensor], own: Mapping[str, Any]) -> Match:
    """Match the weights of a file with an encoder's.

    Args:
        weights: weights by name.
        own: the encoder's ``state_dict``. Its names may have the prefix of the encoder's only
            child, such as ``network.``, even if those of the file do not.
    """
    parts = ["", *dict.fromkeys(f"{name.partition('.')[0]}." for name in own)]
    part = max(parts, key=lambda each: sum(f"{each}{name}" in own for name in weights))
    found = {f"{part}{name}": each for name, each in weights.items()}
    fitting = {
        name: each for name, each in found.items() if kind_of(each) == kind_of(own.get(name))
    }
    wanted = [name for name in own if isinstance(own[name], Tensor) and not name.endswith(MAY_LACK)]
    return Match(
        taken=fitting,
        missing=[name for name in wanted if name not in found],
        misshapen={
            name: (tuple(each.shape), tuple(own[name].shape))
            for name, each in found.items()
            if name in own and name not in fitting
        },
        unused=[name.removeprefix(part) for name in found if name not in own],
    )


def _below(prefix: str, weights: Mapping[str, Tensor]) -> dict[str, Tensor]:
    whole = f"{prefix.removesuffix('.')}." if prefix else ""
    begins = whole if any(name.startswith(whole) for name in weights) else prefix
    found = {
        name.removeprefix(begins): each for name, each in weights.items() if name.startswith(begins)
    }
    if not found:
        parts = dict.fromkeys(f"{name.partition('.')[0]}." for name in weights)
        raise InputError(
            f"no weight's name starts with '{prefix}'; they start with {listed(parts, 8)}"
        )
    return found


def _nothing(weights: Mapping[str, Tensor], own: Mapping[str, Any], match: Match) -> str:
    if match.misshapen:
        return f"none of its weights matches the encoder's shapes: {listed(match.shapes(), 2)}"
    dots = {name[: at + 1] for name in weights for at, each in enumerate(name) if each == "."}
    fits = {each: len(matched(_below(each, weights), own).taken) for each in sorted(dots)}
    best = max(fits, key=lambda each: fits[each], default="")
    # A few weights may fit by accident.
    if best and 2 * fits[best] >= len(own):
        return f"none of its weights has the same name as in the encoder; set prefix to {best}"
    theirs, ours = (listed((f"'{each}'" for each in names), 3) for names in (weights, own))
    return f"none of its weights belongs to the encoder: they are {theirs}, the encoder's {ours}"
