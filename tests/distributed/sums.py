"""What two processes make of rows, sums and batch normalisation."""

from __future__ import annotations

import json
from pathlib import Path

import torch
import torch.distributed as dist
from torch import Tensor

from multitask.distributed import gather_items, gather_rows, sum_losses
from multitask.training.batch_norm import GlobalBatchNorm


def gather_and_sum(folder: Path) -> None:
    """Gather rows and sum values, and write the results of each process to a file of its own."""
    dist.init_process_group("gloo")
    rank = dist.get_rank()
    found = {"rows": gather_rows(torch.arange(3 - 2 * rank) + 10 * rank).tolist()}
    found["items"] = gather_items(["a", "b"][rank:])
    values = (torch.tensor([1.0, 2.0]) * (1 + rank)).requires_grad_()
    total = sum_losses(values)
    (total * torch.tensor([1.0, 10.0]) * (1 + rank)).sum().backward()
    assert values.grad is not None
    found["losses"] = [total.tolist(), values.grad.tolist()]
    share = slice(2, None) if rank else slice(2)
    found["normal"] = normalised(GlobalBatchNorm(3), share)
    (folder / f"{rank}.json").write_text(json.dumps(found))
    dist.destroy_process_group()


def normalised(layer: torch.nn.Module, share: slice = slice(None)) -> list[list[float]]:
    """Normalise some rows of a batch.

    Args:
        layer: of 3 channels.
        share: the rows.

    Returns:
        The normalised rows, the gradient with respect to what they were, and the running averages.
    """
    rows, slope = torch.rand(2, 5, 3, 4, generator=torch.Generator().manual_seed(0))
    own = rows[share].clone().requires_grad_()
    normal: Tensor = layer(own)
    (normal * slope[share]).sum().backward()
    assert own.grad is not None
    averages = [layer.running_mean, layer.running_var]
    return [each.flatten().tolist() for each in (normal, own.grad, *averages)]
