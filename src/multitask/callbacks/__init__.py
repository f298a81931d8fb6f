"""Callbacks that act beside training: one file for each."""

from multitask.callbacks.checkpoints import BestCheckpoint, LastCheckpoint
from multitask.callbacks.cost import Cost
from multitask.callbacks.few_shot_evaluation import FewShotEvaluation
from multitask.callbacks.figures import Figures
from multitask.callbacks.first_step import FirstStep
from multitask.callbacks.gradient_telemetry import GradientTelemetry
from multitask.callbacks.keep_tasks import KeepTasks
from multitask.callbacks.learned_sharing import LearnedSharing
from multitask.callbacks.learning_curves import LearningCurves
from multitask.callbacks.lost_process import LostProcess
from multitask.callbacks.prediction_table import PredictionTable
from multitask.callbacks.progress_bar import ProgressBar
from multitask.callbacks.random_state import RandomState
from multitask.callbacks.robust_evaluation import RobustEvaluation
from multitask.callbacks.source_evaluation import SourceEvaluation
from multitask.callbacks.stop_signal import StopSignal
from multitask.callbacks.task_affinity import TaskAffinity
from multitask.callbacks.unfreezing import Unfreezing
from multitask.callbacks.weight_average import WeightAverage

__all__ = [
    "BestCheckpoint",
    "Cost",
    "FewShotEvaluation",
    "Figures",
    "FirstStep",
    "GradientTelemetry",
    "KeepTasks",
    "LastCheckpoint",
    "LearnedSharing",
    "LearningCurves",
    "LostProcess",
    "PredictionTable",
    "ProgressBar",
    "RandomState",
    "RobustEvaluation",
    "SourceEvaluation",
    "StopSignal",
    "TaskAffinity",
    "Unfreezing",
    "WeightAverage",
]
