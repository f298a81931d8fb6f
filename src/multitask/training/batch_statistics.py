"""Running statistics of batch normalisation, for weights that training did not use."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING

import torch
import torch.distributed as dist
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

from multitask.distributed import world_size
from multitask.training.trial import same_random_numbers

if TYPE_CHECKING:
    from multitask.module import Batch, MultiTask

BATCHES = 32
"""Default number of batches for computing statistics."""


def batch_norms(model: nn.Module) -> dict[str, _BatchNorm]:
    """The layers that have running statistics, by name."""
    return {
        name: each
        for name, each in model.named_modules()
        if isinstance(each, _BatchNorm) and each.running_mean is not None
    }


@torch.no_grad()
def renew_statistics(
    model: MultiTask, layers: Sequence[_BatchNorm], batches: Iterable[Batch]
) -> None:
    """Set running statistics to the means over some batches, for the current weights.

    Izmailov et al., 2018 (arXiv 1803.05407), section 3.2. All other layers are in evaluation mode,
    so that the statistics match the inputs of a layer when the model is used; nothing else changes.
    All processes must take part, each with its share of an equal number of batches.

    Args:
        model: the model, on its device.
        layers: layers of the model, see `batch_norms`; without those that are frozen.
        batches: on the same device, transformed; if there are none, nothing changes.
    """
    modes = {module: module.training for module in model.modules()}
    was_open, model.views.is_open = model.views.is_open, False
    model.eval()
    try:
        # Not compiled for this mode, in which the model rarely is.
        with torch.compiler.set_stance("force_eager"), same_random_numbers(model.device):
            torch.manual_seed(0)
            with ExitStack() as stack:
                for number, batch in enumerate(batches):
                    if number == 0:
                        stack.enter_context(renewed(layers))
                    model(*model.inputs_of(batch))
    finally:
        for module, mode in modes.items():
            module.training = mode
        model.views.is_open = was_open
    if not model.sync_batch_norm:
        _join(layers)


@contextmanager
def renewed(layers: Sequence[_BatchNorm]) -> Iterator[None]:
    """Set running statistics to the means over the batches passed through layers in the context.

    Args:
        layers: see `batch_norms`; afterwards they are in training mode.
    """
    kept = [(each, each.momentum, each.num_batches_tracked) for each in layers]
    for layer in layers:
        layer.train()
        layer.momentum = None
        assert layer.num_batches_tracked is not None
        # Another tensor, so that the layer's own count does not change.
        layer.num_batches_tracked = torch.zeros_like(layer.num_batches_tracked)
        layer.reset_running_stats()
    try:
        yield
    finally:
        for layer, momentum, count in kept:
            layer.momentum, layer.num_batches_tracked = momentum, count


def _join(layers: Sequence[_BatchNorm]) -> None:
    """Average over processes that have each processed a share of the batches."""
    if world_size() == 1:
        return
    for layer in layers:
        for values in (layer.running_mean, layer.running_var):
            assert isinstance(values, Tensor)
            dist.all_reduce(values)
            values /= world_size()
