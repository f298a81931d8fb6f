"""What can be learnt: one file for each kind of task."""

from multitask.tasks.base import Task
from multitask.tasks.classification import Classification
from multitask.tasks.dense_regression import DenseRegression
from multitask.tasks.gaussian_regression import GaussianRegression
from multitask.tasks.quantile_regression import QuantileRegression
from multitask.tasks.regression import Regression
from multitask.tasks.segmentation import Segmentation
from multitask.tasks.toy_objective import ToyObjective

__all__ = [
    "Classification",
    "DenseRegression",
    "GaussianRegression",
    "QuantileRegression",
    "Regression",
    "Segmentation",
    "Task",
    "ToyObjective",
]
