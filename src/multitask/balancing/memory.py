"""The state of torchjd objects: saving, loading, and restricting it to some tasks."""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.optim import Optimizer
from torchjd import Stateful

INTERNAL = frozenset(vars(nn.Module()))
KEY = "_state_key"
"""Attribute of torchjd's methods for the number of tasks that their state belongs to."""


class Memory:
    """Finds the state of a method, which may be outside its ``state_dict``.

    The values of all attributes and buffers are state, except constructor arguments.

    Args:
        owner: a torchjd aggregator, weighting or scalarization.
        of_gradients: whether the columns of a task's state are elements of gradients instead of
            tasks.
    """

    def __init__(self, owner: nn.Module, of_gradients: bool = False) -> None:
        self.owner = owner
        self.of_gradients = of_gradients

    @property
    def exists(self) -> bool:
        """Whether the method has any tensor as state."""
        return any(isinstance(value, Tensor) for _, _, value in self._state())

    def read(self) -> dict[str, Any]:
        """Copy the state to types that a safe checkpoint can hold."""
        return {f"{path}:{name}": _plain(value) for path, name, value in self._state()}

    def write(self, state: dict[str, Any], device: torch.device) -> None:
        """Restore the return value of `read`, possibly from another object.

        Args:
            state: the return value of `read`.
            device: device on which the method will be called.
        """
        modules = dict(self.owner.named_modules())
        for key, value in state.items():
            path, name = key.split(":")
            if isinstance(getattr(modules[path], name, None), np.ndarray):
                setattr(modules[path], name, value.numpy())
            else:
                setattr(modules[path], name, _on(value, device))
        for module in modules.values():
            if hasattr(module, "_init_optim_problem"):
                # torchjd's NashMTL defines its problem in its first step only.
                module._init_optim_problem()

    @contextmanager
    def only(self, tasks: Tensor) -> Iterator[None]:
        """Let the method work on some of the tasks, and keep the state of the others.

        Args:
            tasks: mask of the tasks, shape ``[tasks]``, bool, on the CPU.
        """
        if bool(tasks.all()):
            yield
            return
        existed, whole = self.exists, list(self._per_task(len(tasks)))
        for module, name, value in whole:
            setattr(module, name, _cut(value, tasks, self.of_gradients))
        yield
        for module, name, value in whole:
            part = getattr(module, name)
            setattr(module, name, _merged(value, part, tasks, self.of_gradients))
        if not existed:
            # Nothing is known about the other tasks yet, so the state starts with all tasks.
            for module in self.owner.modules():
                if isinstance(module, Stateful):
                    module.reset()

    def _state(self) -> Iterator[tuple[str, str, Any]]:
        for path, module in self.owner.named_modules():
            given = inspect.signature(type(module)).parameters
            for name, value in {**vars(module), **module._buffers}.items():
                # Parameters whose names are Python keywords end with an underscore.
                arguments = {name.lstrip("_"), f"{name.lstrip('_')}_"}
                if name not in INTERNAL and arguments.isdisjoint(given) and _is_state(value):
                    yield path, name, value

    def _per_task(self, tasks: int) -> Iterator[tuple[nn.Module, str, Any]]:
        for module in self.owner.modules():
            for name, value in {**vars(module), **module._buffers}.items():
                has_rows = isinstance(value, Tensor) and value.ndim and value.shape[0] == tasks
                if has_rows or (name == KEY and value is not None):
                    yield module, name, value


def _is_state(value: Any) -> bool:
    if isinstance(value, list | tuple):
        return all(_is_state(each) for each in value)
    kinds = (int, float, Tensor, np.ndarray, Optimizer, torch.dtype, torch.device, type(None))
    return isinstance(value, kinds)


def _plain(value: Any) -> Any:
    if isinstance(value, Tensor):
        return value.detach().clone()
    if isinstance(value, np.ndarray):
        # A safe checkpoint cannot hold one.
        return torch.from_numpy(value.copy())
    if isinstance(value, list | tuple):
        return type(value)(_plain(each) for each in value)
    return value


def _on(value: Any, device: torch.device) -> Any:
    if isinstance(value, Tensor):
        return value.to(device)
    if isinstance(value, list | tuple):
        return type(value)(_on(each, device) for each in value)
    return device if isinstance(value, torch.device) else value


def _cut(value: Any, tasks: Tensor, of_gradients: bool) -> Any:
    if isinstance(value, tuple):
        return (int(tasks.sum()), *value[1:])
    if isinstance(value, int):
        return int(tasks.sum())
    at = tasks.to(value.device)
    square = not of_gradients and value.ndim == 2 and value.shape[1] == len(tasks)
    return value[at][:, at] if square else value[at]


def _merged(whole: Any, part: Any, tasks: Tensor, of_gradients: bool) -> Any:
    if not isinstance(whole, Tensor):
        return whole
    at, merged = tasks.to(whole.device), whole.clone()
    if not of_gradients and whole.ndim == 2 and whole.shape[1] == len(tasks):
        merged[at[:, None] & at] = part.flatten()
        return merged
    if whole.ndim == 1 and bool((whole.sum() - 1).abs() < 1e-6):
        # Weights that sum to 1: those of the present tasks share their previous total.
        part = part * whole[at].sum() / part.sum()
    merged[at] = part
    return merged
