"""From the tasks' losses to one number to differentiate: one file for each way."""

from multitask.balancing.base import Balancer
from multitask.balancing.fixed import FixedWeights
from multitask.balancing.scalarized import Scalarized

__all__ = ["Balancer", "FixedWeights", "Scalarized"]
