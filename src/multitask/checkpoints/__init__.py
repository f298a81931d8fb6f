"""Contents of checkpoints, writing them, and checks that they fit a model."""

from multitask.checkpoints.format import stamp, take_up
from multitask.checkpoints.hyperparameters import keep_hyperparameters
from multitask.checkpoints.recipe import Factory, Recorded

__all__ = ["Factory", "Recorded", "keep_hyperparameters", "stamp", "take_up"]
