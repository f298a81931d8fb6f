"""The encoder of another run."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from torch import Tensor

from multitask.checkpoints.fits import check_fits
from multitask.checkpoints.format import refuse_ensemble
from multitask.checkpoints.loading import made_from_recipe
from multitask.checkpoints.named_checkpoint import named_checkpoint, near_path
from multitask.checkpoints.reading import read_checkpoint
from multitask.checkpoints.source import OWN, source_of, weights_are_in
from multitask.configuration.trust import ANOTHER, refuse_for_stranger
from multitask.encoders.base import Encoder
from multitask.errors import InputError

TRUNK = "encoder."
NOT_OF_RUN = "the file is not a checkpoint of a run"
OTHERWISE = "load its weights with multitask.encoders.FromWeights"


class FromRun(Encoder):
    """The encoder of another run, built from its checkpoint with its weights.

    The result is that encoder itself, including buffers such as the statistics of batch
    normalisation. The new run's checkpoints describe this encoder directly, so the other run's
    checkpoint is no longer needed. Experts that tasks share (`MMoE`) are not part of the encoder. A
    `CrossStitch`, which has an encoder for each task, is not supported.

    Args:
        checkpoint: path of the file, or of a run's folder, which means its best checkpoint.
        trust: whether the checkpoint may name any class, which lets it run any code; if not, only
            classes of well-known packages: see docs/security.md.

    Raises:
        InputError: if it is not the checkpoint of a run with one encoder.
    """

    def __new__(cls, checkpoint: str | Path, trust: bool = False) -> Any:
        """Build the other run's encoder instead of an instance of this class."""
        if not str(checkpoint):
            raise InputError("FromRun: checkpoint is empty; give the path of one, or of a run")
        path = Path(OWN.get() or checkpoint)
        if not path.exists():
            raise InputError(f"FromRun: there is no checkpoint {path}{near_path(path)}")
        try:
            if OWN.get() is None:
                refuse_for_stranger(ANOTHER)
            path = named_checkpoint(path)
            encoder, is_all = _read(path, trust)
            told = f"The encoder is the {type(encoder).__name__} of {path}"
            told += "" if is_all else ", without what its tasks share behind it"
            encoder.source = source_of(path, cls.__name__, "" if OWN.get() else told)
        except InputError as error:
            said = str(error) if str(path) in str(error) else f"{path}: {error}"
            advice = f"; {OTHERWISE}" if NOT_OF_RUN in said else ""
            raise InputError(f"FromRun: {said}{advice}") from error
        return encoder

    def __init__(self, checkpoint: str | Path, trust: bool = False) -> None:
        """Never called; it declares the settings."""

    def forward(self, *inputs: Any, **options: Any) -> Any:
        """Never called, see `FromRun`."""
        raise TypeError(
            "FromRun creates the encoder of another run, and does not encode anything itself"
        )


def _read(path: Path, trust: bool) -> tuple[Encoder, bool]:
    """The encoder, and whether the tasks share nothing else."""
    if path.is_dir():
        raise InputError(f"it is a folder for the hub; give the run's checkpoint, or {OTHERWISE}")
    content = read_checkpoint(path, mmap=True)
    refuse_ensemble(content)
    settings = content.get("hyper_parameters")
    described = settings.get("encoder") if isinstance(settings, dict) else None
    if described is None:
        raise InputError(f"{NOT_OF_RUN} of multitask: it does not describe an encoder")
    kind: Any = Encoder
    with weights_are_in(None, downloads=False):
        encoder: Encoder = made_from_recipe(described, kind, "encoder", str(path), trust)
    weights = encoder_weights(content["state_dict"], encoder)
    encoder.load_state_dict(weights)
    shared = [name for name in content["state_dict"] if name.startswith(TRUNK)]
    return encoder, len(shared) <= len(weights)


def encoder_weights(state: Mapping[str, Any], encoder: Encoder) -> dict[str, Tensor]:
    """Find an encoder's weights among those of a model with any sharing scheme.

    Args:
        state: the model's ``state_dict``.
        encoder: an encoder of the same architecture.

    Returns:
        The encoder's ``state_dict``.

    Raises:
        InputError: if there are none or several, or they do not fit.
    """
    own = {f"{TRUNK}{name}": each for name, each in encoder.state_dict().items()}
    trunk = {name: each for name, each in state.items() if name.startswith(TRUNK)}
    found = _prefixes(trunk, own)
    if len(found) > 1:
        raise InputError(
            f"its tasks have {len(found)} encoders, one each; select one by its prefix with "
            f"multitask.encoders.FromWeights, such as prefix: {found[0]}"
        )
    if found:
        length = len(found[0])
        trunk = {
            f"{TRUNK}{name[length:]}": each
            for name, each in trunk.items()
            if name.startswith(found[0])
        }
    check_fits(trunk, own)
    return {name.removeprefix(TRUNK): each for name, each in trunk.items()}


def _prefixes(trunk: Mapping[str, Any], own: Mapping[str, Any]) -> list[str]:
    """Prefixes of the encoder's names if the trunk is more than the encoder."""
    # Older checkpoints have none.
    names = [name.removeprefix(TRUNK) for name in own if ".normalisation." not in name]
    if not names or all(f"{TRUNK}{name}" in trunk for name in names):
        return []
    ends = [key.removesuffix(names[0]) for key in trunk if key.endswith(f".{names[0]}")]
    return [each for each in ends if all(f"{each}{name}" in trunk for name in names)]
