"""What can be learnt: one file for each kind of task."""

from multitask.tasks.base import Task
from multitask.tasks.classification import Classification
from multitask.tasks.dense_regression import DenseRegression
from multitask.tasks.regression import Regression
from multitask.tasks.segmentation import Segmentation
from multitask.tasks.toy_objective import ToyObjective

__all__ = [
    "Classification",
    "DenseRegression",
    "Regression",
    "Segmentation",
    "Task",
    "ToyObjective",
]
