"""An encoder with frozen weights and trainable low-rank updates."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from torch import Tensor, nn
from torch.nn.modules.batchnorm import _NormBase

from multitask.checkpoints.source import OWN
from multitask.encoders.base import Encoder
from multitask.encoders.forms import Form
from multitask.encoders.low_rank_layers import add_changes, changed_layers, merge_changes
from multitask.errors import InputError


class LowRank(Encoder):
    """Trains few parameters of a large encoder (LoRA, Hu et al., 2021, equation 3).

    All weights of the encoder are frozen. A layer with the weight W uses ``W + alpha / rank * B A``
    instead, where B (``up``, ``[out, rank]``) is initially zero and A (``down``, ``[rank, in]``) is
    random; only these two are trained. Before training, the output of the encoder is therefore
    unchanged. The weight of a convolution is treated as a matrix whose rows are the output
    channels, also with groups. Layers and their weights keep their names; see
    `multitask.encoders.Merged` for an encoder with the updates added to its weights.

    Batch normalisation is frozen too: it stays in evaluation mode and keeps the statistics of the
    given encoder. Dropout is active in training. The encoder should be pretrained: use `Timm` with
    pretrained weights, `FromRun` or `FromWeights`.

    Args:
        encoder: the encoder.
        rank: rank of the updates. An update has ``rank * (out + in)`` parameters.
        layers: the linear and convolution layers to update, by names such as ``network.layer4``,
            for all layers within it, or ``attn.qkv``, for all layers with this name; default: all
            for which an update has fewer parameters than the weight.
        alpha: see above; default: the rank, so that updates are multiplied by 1.

    Raises:
        InputError: if a setting is invalid, or the encoder has updates already.
    """

    def __init__(
        self,
        encoder: Encoder,
        rank: int,
        layers: Sequence[str] | None = None,
        alpha: float | None = None,
    ) -> None:
        super().__init__()
        if hasattr(encoder, "_orig_mod") or encoder._compiled_call_impl is not None:
            raise InputError(
                "LowRank: the encoder is already compiled, before its layers change; compile the "
                "whole: set the model's compile, or compile the LowRank"
            )
        if isinstance(encoder, LowRank) and OWN.get() is not None:
            # This run's own checkpoint, which `FromRun` has read.
            encoder = encoder.merged()
        if changed_layers(encoder):
            raise InputError(
                "LowRank: the encoder's weights already have low-rank changes; train it as it "
                "is, or put multitask.encoders.Merged in between"
            )
        factor = checked_factor("LowRank", rank, alpha)
        encoder.requires_grad_(False)
        try:
            add_changes(encoder, rank, layers, factor)
        except InputError as error:
            raise InputError(f"LowRank: {error}") from error
        # Not a child: its parts are children of this module, so that all names stay the same.
        self._within = (encoder,)
        self._modules, self._parameters = encoder._modules, encoder._parameters
        self._buffers = encoder._buffers
        self._non_persistent_buffers_set = encoder._non_persistent_buffers_set
        self.inputs, self.source = encoder.inputs, encoder.source
        self.train(encoder.training)

    @property
    def form(self) -> Form:
        """The form of the encoder."""
        return self._within[0].form

    def stages(self) -> list[nn.Module]:
        """The stages of the encoder."""
        stages = self._within[0].stages()
        return [self] if stages == [self._within[0]] else stages

    def stage_features(self) -> list[int]:
        """The features of the encoder's stages."""
        return self._within[0].stage_features()

    def depths(self) -> dict[str, int]:
        """The depths of the encoder; an update has the depth of its layer."""
        return self._within[0].depths()

    @property
    def needs_statistics(self) -> bool:  # type: ignore[override]
        """As for the encoder."""
        return self._within[0].needs_statistics

    @property
    def takes_missing(self) -> bool:  # type: ignore[override]
        """As for the encoder."""
        return self._within[0].takes_missing

    def lacking(self, inputs: Sequence[Tensor]) -> Tensor:
        return self._within[0].lacking(inputs)

    def check_inputs(self, inputs: Sequence[Tensor], setting: str) -> None:
        self._within[0].check_inputs(inputs, f"{setting}.init_args.encoder")

    def learn_statistics(self, inputs: Sequence[Tensor]) -> None:
        self._within[0].learn_statistics(inputs)

    def another(self) -> Encoder:
        return type(self)(**{**self._arguments, "encoder": self._within[0].another()})

    def merged(self) -> Encoder:
        """Return the encoder, trainable again, with the updates added to its weights.

        This object cannot be used afterwards.
        """
        (encoder,) = self._within
        merge_changes(encoder)
        encoder.source = self.source
        return encoder.requires_grad_(True).train(self.training)

    def train(self, mode: bool = True) -> LowRank:
        """Set the mode of all but batch normalisation, which stays in evaluation mode."""
        super().train(mode)
        keep_statistics(self)
        return self

    def forward(self, *inputs: Any, **options: Any) -> Any:
        (encoder,) = self._within
        encoder.training = self.training
        return encoder(*inputs, **options)


def checked_factor(owner: str, rank: int, alpha: float | None) -> float:
    """The factor on low-rank updates.

    Args:
        owner: class with the settings, for messages.
        rank: rank of the updates.
        alpha: see `LowRank`.

    Raises:
        InputError: if a setting is invalid.
    """
    if isinstance(rank, bool) or not isinstance(rank, int) or rank < 1:
        raise InputError(f"{owner}: rank is {rank}; give a whole number of at least 1")
    if alpha is not None and not 0 < alpha < float("inf"):
        raise InputError(f"{owner}: alpha is {alpha}; give a number above 0")
    return 1.0 if alpha is None else alpha / rank


def keep_statistics(network: nn.Module) -> None:
    """Put layers with running statistics into evaluation mode, which keeps the statistics fixed."""
    for each in network.modules():
        if isinstance(each, _NormBase) and each.running_mean is not None:
            each.training = False
