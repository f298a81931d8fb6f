"""Which weights a training started from, in a few letters."""

from __future__ import annotations

import hashlib

from torch import nn
from torch.distributed.tensor import DTensor


def digest_of_start(model: nn.Module) -> str:
    """A digest of a model's parameters, by which runs that started alike are known.

    A run that begins with the weights of a checkpoint (``run.weights``) starts where every other
    run from that checkpoint does. What a balancer keeps does not count: no run begins with it.

    Args:
        model: before its first step.

    Returns:
        SHA-256 of names, shapes and values, in hexadecimal.
    """
    found = hashlib.sha256()
    for name, values in model.named_parameters():
        if not name.startswith("balancer."):
            numbers = values.detach()
            numbers = numbers.full_tensor() if isinstance(numbers, DTensor) else numbers
            if numbers.is_floating_point():
                # A run in another precision starts from the same numbers.
                numbers = numbers.float()
            found.update(f"{name} {tuple(numbers.shape)}".encode())
            found.update(numbers.cpu().contiguous().numpy().tobytes())
    return found.hexdigest()
