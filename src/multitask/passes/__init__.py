"""Passes, which compute the outputs for a training batch: one file for each."""

from multitask.passes.adversarial import AdversarialPass
from multitask.passes.anil import ANIL
from multitask.passes.base import Pass
from multitask.passes.fomaml import FOMAML
from multitask.passes.plain import PlainPass
from multitask.passes.reptile import Reptile
from multitask.passes.trades import TradesPass

__all__ = ["ANIL", "FOMAML", "AdversarialPass", "Pass", "PlainPass", "Reptile", "TradesPass"]
