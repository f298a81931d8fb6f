"""The size of a model: its parameters by usage, and the cost of computing a sample."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils.flop_counter import flop_registry

from multitask.training.trial import precision_of, same_random_numbers

if TYPE_CHECKING:
    from multitask.module import MultiTask

PARAMETERS = ("parameters", "shared_parameters", "own_parameters", "head_parameters")
MULTIPLY_ADDS = "multiply_adds"


def parameter_counts(model: MultiTask) -> dict[str, int]:
    """Count a model's parameters, frozen or not.

    Args:
        model: the model.

    Returns:
        ``parameters``: all parameters. ``shared_parameters``: parameters that several tasks may
        use, such as those of the encoder, with all of its columns and experts. ``own_parameters``:
        parameters of the sharing scheme that only one task uses. ``head_parameters``: parameters of
        the heads. Parameters of tasks and balancers are only included in the first number.
    """
    own = {id(each): each for each in model.sharing.own_parameters(model.encoder)}
    before_heads = [*model.encoder.parameters(), *model.sharing.parameters()]
    shared = [each for each in before_heads if id(each) not in own]
    every: list[Iterable[nn.Parameter]] = [model.parameters(), shared, own.values()]
    sizes = map(_size, [*every, model.heads.parameters()])
    return dict(zip(PARAMETERS, sizes, strict=True))


@torch.no_grad()
def multiply_adds(model: MultiTask, inputs: Sequence[Tensor]) -> int:
    """Count the multiply-adds for one sample's predictions, in matrix products and convolutions.

    They are those of a forward pass in evaluation mode, without computations that are done once for
    a whole batch. The model, its buffers and random numbers do not change. All processes must take
    part, with inputs of the same shape except for the batch.

    Args:
        model: the model, on its device.
        inputs: see `MultiTask.inputs_of`; the first sample of the batch is used, or zeros.
    """
    first = [each[:1] if len(each) else each.new_zeros(1, *each.shape[1:]) for each in inputs]
    with _evaluating(model), same_random_numbers(model.device), precision_of(model):
        one, two = (_flops(model, [torch.cat([each] * n) for each in first]) for n in (1, 2))
    return (two - one) // 2


def _flops(model: nn.Module, inputs: Sequence[Tensor]) -> int:
    # Neither compiled nor fused, since the counter cannot analyse those.
    fast = torch.backends.mha.get_fastpath_enabled()
    torch.backends.mha.set_fastpath_enabled(False)
    try:
        with (
            torch.compiler.set_stance("force_eager"),
            sdpa_kernel(SDPBackend.MATH),
            _Counter() as counter,
        ):
            model(*inputs)
        return counter.flops
    finally:
        torch.backends.mha.set_fastpath_enabled(fast)


class _Counter(TorchDispatchMode):
    """Torch's own counts without its sums by module, which take longer than a small network."""

    def __init__(self) -> None:
        super().__init__()
        self.flops = 0

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        output = func(*args, **(kwargs or {}))
        if (count := flop_registry.get(func.overloadpacket)) is not None:
            self.flops += int(count(*args, **(kwargs or {}), out_val=output))
        return output


@contextmanager
def _evaluating(model: nn.Module) -> Iterator[None]:
    modes = [(each, each.training) for each in model.modules()]
    model.eval()
    try:
        yield
    finally:
        for module, mode in modes:
            module.training = mode


def _size(parameters: Iterable[nn.Parameter]) -> int:
    return sum(each.numel() for each in parameters)
