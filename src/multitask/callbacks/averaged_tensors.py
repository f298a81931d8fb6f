"""A model's weights, their average, and which of the two the model currently holds."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from lightning.pytorch import LightningModule
from torch import Tensor, nn

from multitask.errors import InputError

LEFT_OUT = ("balancer.", "evaluations.", "task_losses.")
"""Parts that judge or combine losses; an average of them is meaningless."""


class AveragedTensors:
    """The average of a model's floating parameters and buffers.

    Buffers that contain an infinity or NaN, as masks do, are skipped.

    Args:
        model: the model, on its device.
        values: the average so far, by name; default: a copy of the model's values.
    """

    def __init__(self, model: nn.Module, values: Mapping[str, Tensor] | None = None) -> None:
        own = _averaged(model)
        if values is None:
            values = {name: each for name, each in own.items() if _is_kept(model, name, each)}
        self._own = {name: own[name].detach() for name in values}
        kinds = {name: torch.promote_types(each.dtype, torch.float32) for name, each in own.items()}
        self.values = {
            name: each.detach().to(own[name].device, kinds[name], copy=True)
            for name, each in values.items()
        }
        # A tensor may have several names.
        names = {id(own[name]): name for name in values}
        everything = [*model.named_parameters(remove_duplicate=False), *own.items()]
        self._aliases = {name: names[id(each)] for name, each in everything if id(each) in names}
        self._trained: dict[str, Tensor] | None = None

    @staticmethod
    def check(values: Any, model: LightningModule) -> None:
        """Raise an `InputError` if an average belongs to another model's weights."""
        own = _averaged(model)
        for name, each in values.items():
            if not isinstance(each, Tensor) or name not in own or each.shape != own[name].shape:
                raise InputError(
                    f"the checkpoint's averaged weights do not fit the model: '{name}' is not one "
                    "of its weights, or has another shape; give another checkpoint"
                )

    @property
    def is_shown(self) -> bool:
        """Whether the model currently holds the average."""
        return self._trained is not None

    @torch.no_grad()
    def update(self, share: float) -> None:
        """Move the average towards the model's weights.

        Args:
            share: fraction of the way, from 0 to 1.
        """
        averages, own = list(self.values.values()), list(self._own.values())
        if any(mine.dtype != each.dtype for mine, each in zip(averages, own, strict=True)):
            own = [each.to(mine.dtype) for mine, each in zip(averages, own, strict=True)]
        torch._foreach_lerp_(averages, own, share)

    @torch.no_grad()
    def show(self) -> None:
        """Put the average into the model."""
        self._trained = {name: each.clone() for name, each in self._own.items()}
        self.put(self.values)

    @torch.no_grad()
    def hide(self) -> None:
        """Put the training weights back."""
        if self._trained is not None:
            self.put(self._trained)
            self._trained = None

    @torch.no_grad()
    def put(self, values: Mapping[str, Tensor]) -> None:
        """Copy values into the model, by name."""
        for name, each in values.items():
            self._own[name].copy_(each)

    def trained(self) -> dict[str, Tensor]:
        """The training weights as entries of a ``state_dict``, under all of their names."""
        values = self._own if self._trained is None else self._trained
        return {alias: values[name] for alias, name in self._aliases.items()}

    def shown(self, statistics: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """The average as entries of a ``state_dict``, under all of their names.

        Args:
            statistics: values that replace those of the average, by name.
        """
        values = {**self.values, **statistics}
        return {
            alias: values[name].to(self._own[name].dtype) for alias, name in self._aliases.items()
        }


def _averaged(model: nn.Module) -> dict[str, Tensor]:
    kept = model.state_dict(keep_vars=True)
    named = [*model.named_parameters(), *model.named_buffers()]
    return {
        name: each
        for name, each in named
        if name in kept
        and (each.is_floating_point() or each.is_complex())
        and not name.startswith(LEFT_OUT)
    }


def _is_kept(model: nn.Module, name: str, values: Tensor) -> bool:
    return isinstance(values, nn.Parameter) or bool(values.isfinite().all())
