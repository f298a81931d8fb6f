"""Encoders, which map a batch's inputs to the shared representation: one file for each."""

from multitask.encoders.bag_of_tokens import BagOfTokens
from multitask.encoders.base import Encoder
from multitask.encoders.columns import Columns
from multitask.encoders.convnet import ConvNet
from multitask.encoders.displacement import Displacement
from multitask.encoders.forms import Form, Maps, Tokens, Vector
from multitask.encoders.from_run import FromRun
from multitask.encoders.from_weights import FromWeights
from multitask.encoders.hugging_face import HuggingFace
from multitask.encoders.low_rank import LowRank
from multitask.encoders.merged import Merged
from multitask.encoders.mlp import MLP
from multitask.encoders.several import Several
from multitask.encoders.text_convnet import TextConvNet
from multitask.encoders.text_transformer import TextTransformer
from multitask.encoders.timm import Timm
from multitask.encoders.timm_maps import TimmMaps

__all__ = [
    "MLP",
    "BagOfTokens",
    "Columns",
    "ConvNet",
    "Displacement",
    "Encoder",
    "Form",
    "FromRun",
    "FromWeights",
    "HuggingFace",
    "LowRank",
    "Maps",
    "Merged",
    "Several",
    "TextConvNet",
    "TextTransformer",
    "Timm",
    "TimmMaps",
    "Tokens",
    "Vector",
]
