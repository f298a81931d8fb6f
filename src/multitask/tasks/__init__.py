"""What can be learnt: one file for each kind of task."""

from multitask.tasks.angle import Angle
from multitask.tasks.base import Task
from multitask.tasks.box import Box
from multitask.tasks.classification import Classification
from multitask.tasks.count import Count
from multitask.tasks.dense_regression import DenseRegression
from multitask.tasks.depth import Depth
from multitask.tasks.detection import Detection
from multitask.tasks.edges import Edges
from multitask.tasks.gaussian_regression import GaussianRegression
from multitask.tasks.hazard import Hazard
from multitask.tasks.heat_maps import HeatMaps
from multitask.tasks.keypoints import Keypoints
from multitask.tasks.masked_tokens import MaskedTokens
from multitask.tasks.multi_label import MultiLabel
from multitask.tasks.negative_binomial import NegativeBinomial
from multitask.tasks.normals import Normals
from multitask.tasks.ordinal import Ordinal
from multitask.tasks.quantile_regression import QuantileRegression
from multitask.tasks.reconstruction import Reconstruction
from multitask.tasks.regression import Regression
from multitask.tasks.segmentation import Segmentation
from multitask.tasks.token_labels import TokenLabels
from multitask.tasks.toy_objective import ToyObjective

__all__ = [
    "Angle",
    "Box",
    "Classification",
    "Count",
    "DenseRegression",
    "Depth",
    "Detection",
    "Edges",
    "GaussianRegression",
    "Hazard",
    "HeatMaps",
    "Keypoints",
    "MaskedTokens",
    "MultiLabel",
    "NegativeBinomial",
    "Normals",
    "Ordinal",
    "QuantileRegression",
    "Reconstruction",
    "Regression",
    "Segmentation",
    "Task",
    "TokenLabels",
    "ToyObjective",
]
