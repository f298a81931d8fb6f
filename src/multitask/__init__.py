"""One model, several tasks: multi-task learning on PyTorch Lightning."""

from multitask.errors import InputError
from multitask.module import MultiTask

__all__ = ["InputError", "MultiTask"]
