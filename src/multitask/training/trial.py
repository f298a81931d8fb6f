"""Trial computations with a model, also with other weights, that do not change it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager, nullcontext
from typing import TYPE_CHECKING, TypeVar

import torch
from torch import Tensor, nn
from torch.func import functional_call

from multitask.errors import InputError, nearest

if TYPE_CHECKING:
    from multitask.module import Batch, MultiTask

Found = TypeVar("Found")


def tried(model: MultiTask, batch: Batch, weights: Mapping[str, Tensor]) -> Tensor:
    """Compute the losses with other weights.

    This has no side effects: balancers and watchers of gradients ignore it, and buffers, gradients
    and random numbers of the CPU and the device do not change. All processes must take part, so
    that batch normalisation and losses are those of the global batch.

    Args:
        model: the model.
        batch: this process's share of the batch.
        weights: parameters by name that replace the model's own.

    Returns:
        Each task's mean loss over the global batch times the task's weight, shape ``[tasks]``;
        differentiable by the batch's floating entries, by the given weights and by the model's own,
        unless activations are recomputed in the backward pass: see `tried_in`.

    Raises:
        InputError: if a name is not a parameter of the model.
    """
    return tried_in(model, weights, lambda: losses_of(model, batch))


def losses_of(model: MultiTask, batch: Batch) -> Tensor:
    """A forward pass and its losses, see `MultiTask.losses`, shape ``[tasks]``."""
    return model.losses(model(*model.inputs_of(batch)), batch)[0]


def tried_in(
    model: MultiTask,
    weights: Mapping[str, Tensor],
    compute: Callable[[], Found],
    in_full_precision: bool = False,
) -> Found:
    """Compute anything with other weights of a model, without side effects, like `tried`.

    A backward pass that recomputes activations uses the weights that the model has at that time, so
    losses with other weights should be differentiated within the call.

    Args:
        model: the model.
        weights: parameters by name that replace the model's own.
        compute: calls the model.
        in_full_precision: see `unseen`.

    Returns:
        The return value of ``compute``.

    Raises:
        InputError: if a name is not a parameter of the model.
    """
    with _without_metrics(model), unseen(model, in_full_precision):
        known = dict(model.named_parameters())
        if unknown := sorted(weights.keys() - known.keys()):
            raise InputError(
                f"weights: the model has no parameter '{unknown[0]}'{nearest(unknown[0], known)}"
            )
        state = {**copied_buffers(model), **weights}
        named = {f"model.{name}": each for name, each in state.items()}
        return functional_call(_Around(model), named, (compute,))


class _Around(nn.Module):
    """Runs any computation while a model has other weights."""

    def __init__(self, model: nn.Module) -> None:
        super().__init__()
        self.model = model

    def forward(self, compute: Callable[[], Found]) -> Found:
        return compute()


@contextmanager
def _without_metrics(model: nn.Module) -> Iterator[None]:
    """Remove the metrics from a model: iterating over them takes as long as a small network."""
    metrics = model._modules.pop("evaluations", None)
    try:
        yield
    finally:
        if metrics is not None:
            model._modules["evaluations"] = metrics


@contextmanager
def unseen(model: MultiTask, in_full_precision: bool = False) -> Iterator[None]:
    """Hide computations in the context from balancers, watchers of gradients and random numbers.

    Args:
        model: the model; its buffers may change.
        in_full_precision: whether to use the parameters' own precision instead of a mixed one,
            which would round small differences of losses away.
    """
    was_open, model.views.is_open = model.views.is_open, False
    kind = model.device.type
    unmixed = torch.autocast(kind, enabled=False) if in_full_precision else nullcontext()
    try:
        with same_random_numbers(model.device), precision_of(model), unmixed:
            yield
    finally:
        model.views.is_open = was_open


def copied_buffers(model: nn.Module) -> dict[str, Tensor]:
    """Copies of buffers that a forward pass may change, such as those of batch normalisation."""
    return {name: values.detach().clone() for name, values in model.named_buffers()}


class KeptBuffers:
    """The buffers of modules, to undo the changes of forward passes.

    Args:
        modules: the modules; those that they contain are not included by themselves.
    """

    def __init__(self, modules: Iterable[nn.Module]) -> None:
        self._kept = [
            (module._buffers, name, values, values.detach().clone())
            for module in modules
            for name, values in module._buffers.items()
            if values is not None
        ]

    @torch.no_grad()
    def put_back(self) -> None:
        """Restore the values."""
        for buffers, name, values, before in self._kept:
            # A module may have assigned a new tensor.
            buffers[name] = values
            values.copy_(before)


@contextmanager
def same_random_numbers(device: torch.device) -> Iterator[None]:
    """Restore the random numbers of the CPU and of a device afterwards.

    Args:
        device: device of the model.
    """
    on_device = device.type in ("cuda", "xpu", "mps")
    kind = device.type if on_device else "cuda"
    # MPS has one device, without a number.
    places = [] if not on_device else [device.index or 0]
    with torch.random.fork_rng(places, device_type=kind):
        yield


@contextmanager
def precision_of(model: MultiTask) -> Iterator[None]:
    """Use the precision of the model's Trainer, if it has one.

    Args:
        model: the model.
    """
    if model._trainer is None:
        yield
        return
    with model.trainer.precision_plugin.forward_context():
        yield
