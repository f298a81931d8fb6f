"""Few-shot learning: drawing support sets, and learning a new task from a few labels."""

from multitask.few_shot.adapted import Adapted
from multitask.few_shot.all_parameters import AllParameters
from multitask.few_shot.drawing import draw_support, is_of_classes
from multitask.few_shot.from_scratch import FromScratch
from multitask.few_shot.head_only import HeadOnly
from multitask.few_shot.kinship import apart, first_of_each
from multitask.few_shot.learner import Learner
from multitask.few_shot.prototypes import Prototypes
from multitask.few_shot.samples import Samples
from multitask.few_shot.trunk import Trunk, encoder_of

__all__ = [
    "Adapted",
    "AllParameters",
    "FromScratch",
    "HeadOnly",
    "Learner",
    "Prototypes",
    "Samples",
    "Trunk",
    "apart",
    "draw_support",
    "encoder_of",
    "first_of_each",
    "is_of_classes",
]
