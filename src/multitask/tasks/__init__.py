"""What can be learnt: one file for each kind of task."""

from multitask.tasks.base import Task
from multitask.tasks.box import Box
from multitask.tasks.classification import Classification
from multitask.tasks.dense_regression import DenseRegression
from multitask.tasks.gaussian_regression import GaussianRegression
from multitask.tasks.heat_maps import HeatMaps
from multitask.tasks.keypoints import Keypoints
from multitask.tasks.quantile_regression import QuantileRegression
from multitask.tasks.regression import Regression
from multitask.tasks.segmentation import Segmentation
from multitask.tasks.toy_objective import ToyObjective

__all__ = [
    "Box",
    "Classification",
    "DenseRegression",
    "GaussianRegression",
    "HeatMaps",
    "Keypoints",
    "QuantileRegression",
    "Regression",
    "Segmentation",
    "Task",
    "ToyObjective",
]
