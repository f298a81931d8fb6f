"""Weightings, which map the Gramian of the tasks' gradients to weights: one file for each."""

from multitask.balancing.weightings.aligned import AlignedMTL
from multitask.balancing.weightings.base import GramianWeighting, SolverError
from multitask.balancing.weightings.cagrad import CAGrad
from multitask.balancing.weightings.dual_cone import NonNegativeProjector
from multitask.balancing.weightings.dual_proj import DualProj
from multitask.balancing.weightings.fair_grad import FairGrad
from multitask.balancing.weightings.grad_vac import GradVac
from multitask.balancing.weightings.gradient_similarity import GradientSimilarity
from multitask.balancing.weightings.imtl_g import IMTLG
from multitask.balancing.weightings.mgda import MGDA
from multitask.balancing.weightings.nash import Nash
from multitask.balancing.weightings.pcgrad import PCGrad
from multitask.balancing.weightings.upgrad import UPGrad

__all__ = [
    "IMTLG",
    "MGDA",
    "AlignedMTL",
    "CAGrad",
    "DualProj",
    "FairGrad",
    "GradVac",
    "GradientSimilarity",
    "GramianWeighting",
    "Nash",
    "NonNegativeProjector",
    "PCGrad",
    "SolverError",
    "UPGrad",
]
