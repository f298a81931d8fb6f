"""Batch normalisation over the global batch."""

from __future__ import annotations

from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor, nn
from torch.autograd.function import once_differentiable
from torch.nn.modules.batchnorm import _BatchNorm

from multitask.distributed import world_size


class _Normalised(torch.autograd.Function):
    """Values less their mean, divided by their deviation, both by channel of the global batch.

    As a function of its own, whose backward pass waits for the other processes only once.
    """

    @staticmethod
    def forward(ctx: Any, values: Tensor, epsilon: float) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        axes, shape = [0, *range(2, values.ndim)], [-1] + [1] * (values.ndim - 2)
        own_count = values.new_tensor([values.numel() // values.shape[1]])
        sums = torch.cat([values.sum(axes), own_count])
        dist.all_reduce(sums)
        count, mean = sums[-1], sums[:-1] / sums[-1]
        centred = values - mean.view(shape)
        squares = centred.square().sum(axes)
        dist.all_reduce(squares)
        variance = squares / count
        scale = (variance + epsilon).rsqrt().view(shape)
        normal = centred * scale
        ctx.save_for_backward(normal, scale, count)
        ctx.mark_non_differentiable(mean, variance, count)
        return normal, mean, variance, count

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None]:
        normal, scale, count = ctx.saved_tensors
        gradient = gradients[0]
        axes = [0, *range(2, normal.ndim)]
        sums = torch.stack([gradient.sum(axes), (gradient * normal).sum(axes)])
        dist.all_reduce(sums)
        level, along = (sums / count).view(2, *scale.shape)
        return (gradient - level - normal * along) * scale, None


class GlobalBatchNorm(_BatchNorm):
    """Batch normalisation with the statistics of all processes' samples, on any device.

    ``torch.nn.SyncBatchNorm`` does the same, but only on a GPU. The processes may have different
    numbers of samples. Only the class of the replaced layer changes, so checkpoints stay the same.
    """

    def forward(self, values: Tensor) -> Tensor:
        """Normalise ``[batch, channels, ...]`` by channel."""
        if not self.training or world_size() == 1:
            return self._activate(super().forward(values))
        dtype, values = values.dtype, values.to(torch.promote_types(values.dtype, torch.float32))
        normal, mean, variance, count = _Normalised.apply(values, self.eps)
        self._track(mean, variance * count / (count - 1))
        if self.affine:
            shape = [-1] + [1] * (values.ndim - 2)
            normal = normal * self.weight.view(shape) + self.bias.view(shape)
        else:
            # The backward pass needs it, and the next module may work in place.
            normal = normal.clone()
        return self._activate(normal.to(dtype))

    def _track(self, mean: Tensor, variance: Tensor) -> None:
        if self.running_mean is None or self.running_var is None:
            return
        assert self.num_batches_tracked is not None
        self.num_batches_tracked += 1
        rate = 1 / float(self.num_batches_tracked) if self.momentum is None else self.momentum
        self.running_mean.lerp_(mean.to(self.running_mean.dtype), rate)
        self.running_var.lerp_(variance.to(self.running_var.dtype), rate)

    def _activate(self, normal: Tensor) -> Tensor:
        # timm's BatchNormAct2d stores its dropout and activation as children.
        for name in ("drop", "act"):
            if (layer := self._modules.get(name)) is not None:
                normal = layer(normal)
        return normal

    def _check_input_dim(self, input: Tensor) -> None:
        if input.ndim < 2:
            raise ValueError(f"expected [batch, channels, ...], got shape {tuple(input.shape)}")


class OwnBatchNorm(GlobalBatchNorm):
    """Batch normalisation with the statistics of this process's samples only."""

    def forward(self, values: Tensor) -> Tensor:
        """Normalise ``[batch, channels, ...]`` by channel."""
        return self._activate(_BatchNorm.forward(self, values))


def without_other_processes(network: nn.Module) -> None:
    """Restrict batch normalisation to this process's samples, in place.

    Args:
        network: any network, such as a copy of a part of a model trained on several processes.
    """
    for module in network.modules():
        if isinstance(module, GlobalBatchNorm | nn.SyncBatchNorm):
            module.__class__ = OwnBatchNorm


def synchronize_batch_norm(network: nn.Module, on_gpu: bool) -> nn.Module:
    """Let batch normalisation use the global batch, so that results do not depend on processes.

    Args:
        network: any network; its parameters stay the same objects.
        on_gpu: whether it will train on a GPU, where ``torch.nn.SyncBatchNorm`` is faster.

    Returns:
        The network to use instead.
    """
    if on_gpu:
        # The import is slow, and other runs do not need it.
        from timm.layers import convert_sync_batchnorm

        return convert_sync_batchnorm(network)
    for module in network.modules():
        if isinstance(module, _BatchNorm) and not isinstance(module, nn.SyncBatchNorm):
            module.__class__ = GlobalBatchNorm
    return network
