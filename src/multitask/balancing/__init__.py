"""Balancers, which combine the tasks' losses into one scalar: one file for each."""

from multitask.balancing.auto_lambda import AutoLambda
from multitask.balancing.base import Balancer
from multitask.balancing.db_mtl import DBMTL
from multitask.balancing.fixed import FixedWeights
from multitask.balancing.grad_drop import GradDrop
from multitask.balancing.grad_norm import GradNorm
from multitask.balancing.gradient import GradientBalancer
from multitask.balancing.moco import MoCo
from multitask.balancing.scalarized import Scalarized
from multitask.balancing.scale_invariant import ScaleInvariant

__all__ = [
    "DBMTL",
    "AutoLambda",
    "Balancer",
    "FixedWeights",
    "GradDrop",
    "GradNorm",
    "GradientBalancer",
    "MoCo",
    "Scalarized",
    "ScaleInvariant",
]
