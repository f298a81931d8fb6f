"""What can be learnt: one file for each kind of task."""

from multitask.tasks.base import Task
from multitask.tasks.classification import Classification
from multitask.tasks.regression import Regression

__all__ = ["Classification", "Regression", "Task"]
