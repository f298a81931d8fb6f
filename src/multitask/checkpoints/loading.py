"""Loading a model from its checkpoint alone, without running code from an untrusted checkpoint."""

from __future__ import annotations

import copy
from contextlib import nullcontext
from pathlib import Path
from types import MethodType
from typing import IO, TYPE_CHECKING, Any, Self, TypeVar

import torch
from jsonargparse import ArgumentParser
from lightning.fabric.utilities.cloud_io import _load
from lightning.pytorch import LightningModule
from lightning.pytorch.core.saving import CHECKPOINT_PAST_HPARAMS_KEYS
from lightning.pytorch.utilities.model_helpers import _restricted_classmethod

from multitask.checkpoints.format import refuse_ensemble
from multitask.checkpoints.integrity import damage
from multitask.checkpoints.reading import explained
from multitask.checkpoints.source import Source
from multitask.configuration.classes import accepted
from multitask.configuration.setting_check import check_entries, check_setting, parameter_of
from multitask.configuration.settings import described
from multitask.configuration.trust import known_imports_only, refuse_for_stranger
from multitask.errors import InputError

STRANGER = (
    "whoever made the checkpoint: give --trust, or trust=True in Python, or trust: true beside "
    "checkpoint in a configuration"
)
Made = TypeVar("Made")
OF_LIGHTNING = ("_instantiator", "_class_path")
"""Arguments that Lightning adds, and checks itself."""


class _OfTheClass(_restricted_classmethod):
    """A class method that Lightning refuses to call on an object.

    Lightning's own version searches the source code of all callers on every call, which takes
    longer than loading a small model.
    """

    def __get__(self, instance: Any, owner: Any = None) -> Any:
        if instance is None:
            return MethodType(self.__func__, owner)
        return super().__get__(instance, owner)


if TYPE_CHECKING:
    _class_method = classmethod
else:
    _class_method = _OfTheClass


class Loadable(LightningModule):
    """A module whose checkpoints are safe to load, regardless of their source."""

    source: Source | None = None
    """Source of all its weights except some heads, until it is trained, if any."""

    @_class_method
    def load_from_checkpoint(
        cls,  # noqa: N805 (Lightning's way to make a class method)
        checkpoint_path: str | Path | IO[bytes],
        map_location: Any = None,
        hparams_file: str | Path | None = None,
        strict: bool | None = None,
        weights_only: bool | None = None,
        trust: bool = False,
        **kwargs: Any,
    ) -> Self:
        """Build a model as the checkpoint specifies, and load the checkpoint's weights.

        Args:
            checkpoint_path: path, URL or open file.
            map_location: see ``torch.load``.
            hparams_file: YAML file with the arguments, used instead of the checkpoint's arguments.
            strict: whether the weights must match the model's exactly.
            weights_only: whether the file may hold only tensors and plain values; without ``trust``
                this always applies.
            trust: whether the checkpoint may name any class and hold any object, which allows it to
                run arbitrary code; if not, only classes of `multitask.configuration.trust.KNOWN`
                packages.
            **kwargs: arguments of the model that override the checkpoint's.

        Raises:
            InputError: if the checkpoint names a class that does not fit, or, without ``trust``,
                one of another package, or holds more than tensors and plain values.
        """
        inherited: Any = super().load_from_checkpoint
        load = MethodType(inherited.__func__, cls)
        given = map_location, hparams_file, strict
        if isinstance(checkpoint_path, str | Path):
            _refuse_damaged(Path(checkpoint_path))
        told = explained(f"no model can be built from {_named(checkpoint_path)}")
        if trust:
            with told:
                return load(checkpoint_path, *given, weights_only=weights_only, **kwargs)
        if weights_only is False:
            raise InputError(
                "weights_only=False runs code that a checkpoint contains; pass trust=True too"
            )
        with known_imports_only(), told:
            if hparams_file is None:
                _check(cls, checkpoint_path, kwargs)
            return load(checkpoint_path, *given, weights_only=True, **kwargs)


def made_from_recipe(
    recipe: Any, kind: type[Made], name: str, place: str, trust: bool = False
) -> Made:
    """Build one part of a model as a checkpoint specifies.

    Args:
        recipe: the checkpoint's recipe of it, see `multitask.checkpoints.recipe`.
        kind: its expected type.
        name: its name among the model's settings.
        place: the checkpoint's place, for messages.
        trust: see `Loadable.load_from_checkpoint`.

    Raises:
        InputError: if it has another type or cannot be built, or, without ``trust``, belongs to an
            unknown package.
    """
    if trust:
        refuse_for_stranger("trust is true")
    parser = ArgumentParser(exit_on_error=False)
    parser.add_subclass_arguments(kind, name, fail_untyped=False)
    # Building objects from recipes modifies the recipes.
    settings = {name: copy.deepcopy(recipe)}
    with nullcontext() if trust else known_imports_only(), explained(f"its {name} cannot be built"):
        told = described(settings[name], place, "" if trust else STRANGER)
        check_setting(told, parameter_of(kind), ("model", name))
        made: Made = getattr(parser.instantiate(parser.parse_object(settings)), name)
        return made


def _refuse_damaged(path: Path) -> None:
    if path.is_file() and (reason := damage(path)) is not None:
        raise InputError(f"{path}: the file is damaged, or is not a checkpoint: {reason}")


def _named(source: str | Path | IO[bytes]) -> str:
    return f"the checkpoint {source}" if isinstance(source, str | Path) else "the checkpoint"


def _check(cls: type, source: str | Path | IO[bytes], replaced: dict[str, Any]) -> None:
    is_file = isinstance(source, str | Path) and Path(source).is_file()
    if is_file:
        content = torch.load(source, map_location="cpu", weights_only=True, mmap=True)
    else:
        content = _load(source, map_location="cpu", weights_only=True)
    if not isinstance(source, str | Path):
        source.seek(0)
    if isinstance(content, dict):
        refuse_ensemble(content)
    keys = (*CHECKPOINT_PAST_HPARAMS_KEYS, LightningModule.CHECKPOINT_HYPER_PARAMS_KEY)
    recipe = {name: each for key in keys for name, each in dict(content.get(key) or {}).items()}
    left = {name: each for name, each in recipe.items() if name not in {*OF_LIGHTNING, *replaced}}
    place = _named(source)
    check_entries(described(left, place, STRANGER).entries, accepted(cls), cls.__name__, ("model",))
