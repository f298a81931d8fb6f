"""Data sets, the sources of images and targets; one file per data set."""

from multitask.data.base import DataModule
from multitask.data.digits import Digits
from multitask.data.docstrings import Docstrings
from multitask.data.episodes.joint import TrainingClasses
from multitask.data.episodes.of_classes import Episodes
from multitask.data.episodes.of_regressions import RegressionEpisodes
from multitask.data.episodes.sines import Sines
from multitask.data.measured_digits import MeasuredDigits
from multitask.data.mixture import Mixture
from multitask.data.overlaid_digits import OverlaidDigits
from multitask.data.posed_digits import PosedDigits
from multitask.data.scenes import Scenes
from multitask.data.table import Table
from multitask.data.toy_starts import ToyStarts

__all__ = [
    "DataModule",
    "Digits",
    "Docstrings",
    "Episodes",
    "MeasuredDigits",
    "Mixture",
    "OverlaidDigits",
    "PosedDigits",
    "RegressionEpisodes",
    "Scenes",
    "Sines",
    "Table",
    "ToyStarts",
    "TrainingClasses",
]
