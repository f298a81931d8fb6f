"""Tracing of a network, to find parts that run one after the other."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator, Mapping, Sequence, Set
from copy import deepcopy
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn


@dataclass(frozen=True)
class Part:
    """A part of a chain.

    Args:
        name: name of a module of the network, or of one of its methods.
        shape: shape of its output for two images.
        is_returned: whether the network returns that output, alone or in a list.
    """

    name: str
    shape: tuple[int, ...]
    is_returned: bool


def chain(network: nn.Module, image: tuple[int, int, int], ends: Set[str]) -> list[Part]:
    """Find parts of a network whose composition is the network.

    A copy of the network without memory runs on the meta device, in training mode and, with images
    of odd sides if it accepts them, in evaluation mode. One part follows another only if its input
    is the very tensor that the other returned, not changed in place in between, and nothing else.

    Args:
        network: maps images to a tensor, or to a list of tensors of which its last part returns the
            last.
        image: channels, height and width of images that it accepts.
        ends: names of modules after which a part ends.

    Returns:
        The coarsest such parts, starting at the inputs; none if the network does not run as a
        chain.
    """
    channels, height, width = image
    try:
        found = _parts(network, image, ends, training=True)
        try:
            again = _parts(network, (channels, height + 1, width + 3), ends, training=False)
        except Exception:
            again = _parts(network, image, ends, training=False)
    except Exception:
        # If the network needs anything else, it is not known how it runs.
        return []
    return found if [each.name for each in found] == [each.name for each in again] else []


@dataclass
class _Seen:
    """A tensor, and how often it had been changed in place when it was recorded."""

    tensor: Tensor
    version: int

    def is_same(self, other: _Seen | None) -> bool:
        return other is not None and self.tensor is other.tensor and self.version == other.version


@dataclass
class _Call:
    """A call of a module or method: its input, its output, and the calls within it."""

    name: str
    took: _Seen | None = None
    gave: list[_Seen] = field(default_factory=list)
    within: list[_Call] = field(default_factory=list)

    def is_chain(self) -> bool:
        """Whether the calls within form a chain from the input to the output."""
        end = self.took
        for each in self.within:
            if end is None or not end.is_same(each.took) or not each.gave:
                return False
            end = each.gave[-1]
        return bool(self.within and self.gave) and self.gave[-1].is_same(end)

    def all_within(self) -> Iterator[_Call]:
        for each in self.within:
            yield each
            yield from each.all_within()

    def returns(self, call: _Call) -> bool:
        """Whether the output of a call is part of this one's output."""
        return len(call.gave) == 1 and any(each.is_same(call.gave[0]) for each in self.gave)

    def parts(self, ends: Set[str]) -> Iterator[_Call]:
        has_ends = any(each.name in ends for each in self.all_within())
        if self.name not in ends and has_ends and self.is_chain():
            for each in self.within:
                yield from each.parts(ends)
        else:
            yield self


def _parts(
    network: nn.Module, image: tuple[int, int, int], ends: Set[str], training: bool
) -> list[Part]:
    copy = _without_memory(network).train(training)
    stack = _watched(copy)
    with torch.no_grad():
        copy(torch.empty(2, *image, device="meta"))
    (whole,) = stack[0].within
    parts = list(whole.parts(ends))
    if len(parts) == 1 or any(len(each.gave) != 1 for each in parts):
        return []
    shapes = [tuple(each.gave[0].tensor.shape) for each in parts]
    return [
        Part(each.name, shape, whole.returns(each))
        for each, shape in zip(parts, shapes, strict=True)
    ]


def _without_memory(network: nn.Module) -> nn.Module:
    tensors = [*network.parameters(), *network.buffers()]
    return deepcopy(network, {id(each): each.detach().to("meta") for each in tensors})


def _watched(network: nn.Module) -> list[_Call]:
    """Let a network record all calls of its modules and methods within the first call returned."""
    stack = [_Call("")]

    def watch(owner: Any, name: str, called: str) -> None:
        original = getattr(owner, name)

        def noted(*args: Any, **options: Any) -> Any:
            mine = _Call(called, _only(original, args, options))
            stack.append(mine)
            result = original(*args, **options)
            stack.pop()
            mine.gave = _seen(result)
            # A call without tensors, such as an iteration over modules, is not a part.
            if args or options or mine.gave or mine.within:
                stack[-1].within.append(mine)
            return result

        setattr(owner, name, noted)

    for name, module in network.named_modules():
        watch(module, "forward", name)
    for name in dir(type(network)):
        is_own = not hasattr(nn.Module, name) and not name.startswith("__")
        if is_own and inspect.isfunction(inspect.getattr_static(type(network), name)):
            watch(network, name, name)
    return stack


def _only(
    function: Callable[..., Any], args: tuple[Any, ...], options: Mapping[str, Any]
) -> _Seen | None:
    """The tensor argument of a function; None if there are other arguments."""
    known = inspect.signature(function).parameters
    if len(args) != 1 or not isinstance(args[0], Tensor):
        return None
    if any(name not in known or known[name].default is not each for name, each in options.items()):
        return None
    return _seen(args[0])[0]


def _seen(value: Any) -> list[_Seen]:
    """The tensors that were returned; none if anything else was."""
    if isinstance(value, Tensor):
        return [_Seen(value, value._version)]
    each = value.values() if isinstance(value, Mapping) else value
    if not isinstance(value, Sequence | Mapping) or not all(isinstance(e, Tensor) for e in each):
        return []
    return [_Seen(tensor, tensor._version) for tensor in each]
