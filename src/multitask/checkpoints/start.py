"""A digest of the weights that training started from."""

from __future__ import annotations

import hashlib

from torch import nn
from torch.distributed.tensor import DTensor


def digest_of_start(model: nn.Module) -> str:
    """Compute a digest of a model's parameters, which identifies runs with the same start.

    All runs that start with the weights of the same checkpoint (``run.weights``) have the same
    digest. A balancer's state is excluded, because no run starts with it.

    Args:
        model: the model before its first step.

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
