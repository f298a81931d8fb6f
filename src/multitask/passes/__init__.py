"""How a training batch becomes the outputs whose losses count: one file for each way."""

from multitask.passes.adversarial import AdversarialPass
from multitask.passes.base import Pass
from multitask.passes.plain import PlainPass
from multitask.passes.trades import TradesPass

__all__ = ["AdversarialPass", "Pass", "PlainPass", "TradesPass"]
