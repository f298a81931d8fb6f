"""From images to the shared representation: one file for each encoder."""

from multitask.encoders.base import Encoder
from multitask.encoders.convnet import ConvNet
from multitask.encoders.mlp import MLP
from multitask.encoders.timm import Timm

__all__ = ["MLP", "ConvNet", "Encoder", "Timm"]
