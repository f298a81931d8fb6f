"""The device of a trained model."""

from __future__ import annotations

import torch

from multitask.errors import InputError


def usable_device(name: torch.device | str | None) -> torch.device:
    """Return the device with a given name.

    Args:
        name: name such as ``cpu`` or ``cuda:1``; default: a GPU if there is one.

    Raises:
        InputError: if the device is not available, or stores no data.
    """
    if name is None:
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        device = torch.device(name)
        # A device without data, such as meta, cannot return values.
        torch.zeros(1, device=device).cpu()
    except (RuntimeError, AssertionError, NotImplementedError) as error:
        raise InputError(
            f"the device {name} cannot be used here; give cpu, or the name of a GPU such as cuda:0"
        ) from error
    return device
