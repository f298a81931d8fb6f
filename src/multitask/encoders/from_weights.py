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
"""Buffers that other programs do not have, and that need not come from a file."""


class FromWeights(Encoder):
    """An encoder with the weights of a file, as far as their names and shapes fit.

    What is made is the encoder itself; the run's checkpoints describe it as if it had been given
    without the file, which is not needed any more. Images are not normalised for these weights: the
    data do so, with the mean and the deviation that the weights were trained with.

    Args:
        encoder: the encoder.
        path: of the file, of torch or safetensors; or of a run's folder, whose best checkpoint is
            meant. Weights are also found beside other things, such as under ``state_dict`` or
            ``model``, and behind the ``module.`` of DDP.
        prefix: beginning of the names of the weights to take, such as ``encoder.``; what follows is
            compared with the encoder's own names.

    Raises:
        InputError: if the file cannot be read, or none of its weights fits.
    """

    def __new__(cls, encoder: Encoder, path: str | Path, prefix: str = "") -> Any:
        """Give the encoder the weights, and return it in place of one of this class."""
        if (own := OWN.get()) is not None:
            encoder.source = source_of(own, "FromWeights", "")
            return encoder
        if not str(path):
            raise InputError("FromWeights: path is empty; give that of a file of weights")
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
        """Never called; it shows what can be set."""

    def forward(self, *inputs: Any, **options: Any) -> Any:
        """Never called, see `FromWeights`."""
        raise TypeError("FromWeights makes another encoder, and encodes nothing itself")


@dataclass(frozen=True)
class Match:
    """Which weights of a file an encoder takes.

    Args:
        taken: by the encoder's own names.
        missing: the encoder's names that the file has not.
        misshapen: by the encoder's names, the shapes in the file and in the encoder.
        unused: the file's names that the encoder has not.
    """

    taken: dict[str, Tensor]
    missing: list[str]
    misshapen: dict[str, tuple[tuple[int, ...], tuple[int, ...]]]
    unused: list[str]

    def sentence(self, path: str) -> str:
        """Say in a sentence or two what was taken and what was not.

        Args:
            path: of the file.
        """
        found = sum(not name.endswith(MAY_LACK) for name in self.taken)
        total = found + len(self.missing) + len(self.misshapen)
        said = f"The encoder has {found} of its {counted(total, 'weight')} from {path}"
        anew = [*self.shapes(), *(f"'{name}' is not there" for name in self.missing)]
        if anew:
            said += f"; the others start from scratch: {listed(anew)}"
        if self.unused:
            names = listed((f"'{name}'" for name in self.unused), 3)
            said += f". Not used of the file: {names}"
        return said

    def shapes(self) -> list[str]:
        """What is said of weights of another shape."""
        return [
            f"'{name}' is {one} there, {two} here" for name, (one, two) in self.misshapen.items()
        ]


def matched(weights: Mapping[str, Tensor], own: Mapping[str, Any]) -> Match:
    """Compare the weights of a file with an encoder's.

    Args:
        weights: by name.
        own: the encoder's ``state_dict``, whose names may begin with that of the encoder's only
            part, such as ``network.``, where the file's do not.
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
            f"no weight's name begins with '{prefix}'; they begin with {listed(parts, 8)}"
        )
    return found


def _nothing(weights: Mapping[str, Tensor], own: Mapping[str, Any], match: Match) -> str:
    if match.misshapen:
        return f"none of its weights has the encoder's shapes: {listed(match.shapes(), 2)}"
    dots = {name[: at + 1] for name in weights for at, each in enumerate(name) if each == "."}
    fits = {each: len(matched(_below(each, weights), own).taken) for each in sorted(dots)}
    best = max(fits, key=lambda each: fits[each], default="")
    # A few weights may fit by accident.
    if best and 2 * fits[best] >= len(own):
        return f"none of its weights has a name of the encoder's as it is; set prefix to {best}"
    theirs, ours = (listed((f"'{each}'" for each in names), 3) for names in (weights, own))
    return f"none of its weights is the encoder's: they are {theirs}, and the encoder's {ours}"
