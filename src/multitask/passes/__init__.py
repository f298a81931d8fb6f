"""How a training batch becomes the outputs whose losses count: one file for each way."""

from multitask.passes.base import Pass
from multitask.passes.plain import PlainPass

__all__ = ["Pass", "PlainPass"]
