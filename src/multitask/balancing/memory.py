"""What a torchjd object remembers between calls: saved, loaded, and cut to some of the tasks."""

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
"""Attribute in which torchjd's methods keep the number of tasks that their state is for."""


class Memory:
    """Finds the state of a method, which may lie outside its ``state_dict``.

    Whatever an attribute or buffer holds is state, except what the constructor was given.

    Args:
        owner: a torchjd aggregator, weighting or scalarization.
        of_gradients: whether the columns of what it remembers of each task are elements of
            gradients, not tasks.
    """

    def __init__(self, owner: nn.Module, of_gradients: bool = False) -> None:
        self.owner = owner
        self.of_gradients = of_gradients

    @property
    def exists(self) -> bool:
        """Whether the method has remembered a tensor."""
        return any(isinstance(value, Tensor) for _, _, value in self._state())

    def read(self) -> dict[str, Any]:
        """Take a copy, in types that a safe checkpoint can hold."""
        return {f"{path}:{name}": _plain(value) for path, name, value in self._state()}

    def write(self, state: dict[str, Any], device: torch.device) -> None:
        """Take up what `read` gave, also from a fresh object.

        Args:
            state: what `read` returned.
            device: where the method will be called.
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
                # torchjd's NashMTL states its problem in its first step only.
                module._init_optim_problem()

    @contextmanager
    def only(self, tasks: Tensor) -> Iterator[None]:
        """Let the method work on some of the tasks, and remember the others as they were.

        Args:
            tasks: which, shape ``[tasks]``, bool, on the CPU.
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
            # Nothing is known yet of the other tasks, so the memory begins with all of them.
            for module in self.owner.modules():
                if isinstance(module, Stateful):
                    module.reset()

    def _state(self) -> Iterator[tuple[str, str, Any]]:
        for path, module in self.owner.named_modules():
            given = inspect.signature(type(module)).parameters
            for name, value in {**vars(module), **module._buffers}.items():
                # Python's own words end with an underscore where they are parameters.
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
        # A safe checkpoint holds none.
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
        # Weights that sum to one: those of the present tasks share what they had.
        part = part * whole[at].sum() / part.sum()
    merged[at] = part
    return merged
