"""Formulas for training on many processes: bytes exchanged, time, memory and input."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

FLOAT = 4
"""Bytes of a number; gradients are float32 with ``bf16-mixed`` too."""
LIGHTNING_BYTES = 8
"""Lightning's Trainer broadcasts in each step whether the run was told to stop."""


@dataclass(frozen=True)
class Network:
    """The sizes of a network that determine its traffic.

    Args:
        encoder: trained parameters of the encoder.
        heads: trained parameters of all heads together.
        features: numbers in one sample's representation.
        normalised_channels: channels of all batch normalisations together.
        normalisations: number of batch normalisations.
        buffer_bytes: bytes of all buffers, which DistributedDataParallel broadcasts in each step.
    """

    encoder: int
    heads: int
    features: int
    normalised_channels: int = 0
    normalisations: int = 0
    buffer_bytes: int = 0


@dataclass(frozen=True)
class Balancing:
    """What a kind of balancing passes to all-reduces in addition to a plain step.

    Args:
        title: name of the kind.
        formula: in words, for tables; T tasks, P compared parameters, F features.
        extra: numbers for each step, given tasks, compared parameters and features.
        passes: backward passes through the encoder for each task, in addition to the joint one.
        forwards: additional forward passes.
        every: interval; it acts in each ``every``-th step.
    """

    title: str
    formula: str
    extra: Callable[[int, int, int], float]
    passes: int = 0
    forwards: int = 0
    every: int = 1


def shared(every: int, passes: int = 1) -> Balancing:
    """Balancing at level ``shared``.

    Args:
        every: the balancer's setting.
        passes: 2 for methods that compare independent batches. These also sum the number of samples
            of each process, 8 bytes for each, which is ignored.
    """
    title = f"`shared`, `every: {every}`" if passes == 1 else "MoDo, SDMGrad"
    count = "" if passes == 1 else f"{passes} "
    formula = f"{count}T x P" + (f" / {every}" if every > 1 else "")
    return Balancing(title, formula, lambda t, p, _f: passes * t * p / every, passes, 0, every)


PLAIN = Balancing("plain sum", "0", lambda _t, _p, _f: 0)
LOSSES = Balancing("learnt weights of losses (UW)", "T", lambda t, _p, _f: t)
LOSSES_AFTER = Balancing("losses after the step (FAMO)", "2 T", lambda t, _p, _f: 2 * t, forwards=1)
REPRESENTATION = Balancing("`representation`", "T x T", lambda t, _p, _f: t * t)
SIGNS = Balancing("`representation`, GradDrop", "T x F", lambda t, _p, f: t * f)
SHARED = shared(1)


def reduced_bytes(
    network: Network, tasks: int, balancing: Balancing = PLAIN, compared: int | None = None
) -> float:
    """What one process passes to all-reduces in a step, with two processes or more.

    Gradients, loss sums and counts, and the statistics of batch normalisations on a CPU: a count, a
    mean and a variance in the forward pass, two sums in each backward pass.

    Args:
        network: the network.
        tasks: number of tasks.
        balancing: the kind.
        compared: parameters compared at level ``shared``; default: those of the encoder. The passes
            are assumed to cross all batch normalisations.

    Returns:
        Bytes, a mean over steps.
    """
    channels = network.normalised_channels
    plain = network.encoder + network.heads + 2 * tasks + 4 * channels + network.normalisations
    parameters = network.encoder if compared is None else compared
    extra = balancing.extra(tasks, parameters, network.features)
    statistics = 2 * channels * tasks * balancing.passes / balancing.every
    statistics += balancing.forwards * (2 * channels + network.normalisations)
    return FLOAT * (plain + extra + statistics)


def broadcast_bytes(network: Network) -> float:
    """Bytes broadcast in a step from the first process to the others."""
    return network.buffer_bytes + LIGHTNING_BYTES


def sent_bytes(reduced: float, processes: int, broadcast: float = 0.0) -> float:
    """Bytes that a process sends, mean over processes, with ring all-reduces.

    Each of the ``n`` parts of a tensor goes round the ring twice, except for one hop each time:
    ``2 (n - 1) / n`` of the bytes passed. A broadcast reaches ``n - 1`` processes, whoever forwards
    it.

    Args:
        reduced: bytes passed to all-reduces by each process.
        processes: their number.
        broadcast: bytes passed to broadcasts.
    """
    return (2 * reduced + broadcast) * (processes - 1) / processes


@dataclass(frozen=True)
class Link:
    """The connection between the processes.

    Args:
        processes: their number.
        bandwidth: bytes per second that a process can send while it receives as many.
        latency: seconds for one hop.
    """

    processes: int
    bandwidth: float
    latency: float = 10e-6

    def seconds(self, reduced: float, collectives: int = 1) -> float:
        """Time of all-reduces over two trees, which need few hops; libraries choose them.

        Args:
            reduced: bytes passed by each process.
            collectives: number of all-reduces that wait for one another.
        """
        hops = 2 * math.ceil(math.log2(self.processes))
        sent = sent_bytes(reduced, self.processes)
        return sent / self.bandwidth + collectives * hops * self.latency


@dataclass(frozen=True)
class VisionTransformer:
    """Sizes of a Vision Transformer without its classifier.

    Args:
        depth: blocks.
        width: numbers per token.
        heads: heads of the attention.
        patch: side of a patch, in pixels.
        side: side of the image, in pixels.
    """

    depth: int
    width: int
    heads: int
    patch: int = 16
    side: int = 224

    @property
    def tokens(self) -> int:
        """The patches and the class token."""
        return (self.side // self.patch) ** 2 + 1

    @property
    def block(self) -> int:
        """Parameters of one block: attention, a network of four times the width, two norms."""
        return 12 * self.width**2 + 13 * self.width

    @property
    def parameters(self) -> int:
        """Parameters of the encoder."""
        patches = 3 * self.patch**2 * self.width + self.width
        # The class token, the last norm's scale and shift, and the position embeddings.
        rest = (1 + 2 + self.tokens) * self.width
        return self.depth * self.block + patches + rest

    def activation_bytes(self, images: int, bf16: bool, checkpointed: bool = False) -> float:
        """Bytes that the forward pass keeps for the backward pass, with fused attention.

        In a block, for each token: inputs of two norms, of the two linear layers of the attention,
        queries, keys and values, inputs of the other two linear layers (1 and 4 times the width)
        and of GELU (4 times). All are float32; with ``bf16-mixed``, only those of the norms.

        Args:
            images: images in a process's batch.
            bf16: whether the precision is ``bf16-mixed``.
            checkpointed: whether each block keeps only its input and is recomputed.
        """
        numbers = 2 * FLOAT + 14 * (2 if bf16 else FLOAT)
        # Means and deviations of two norms, and the attention's normalisers.
        block = self.tokens * (numbers * self.width + FLOAT * (4 + self.heads))
        last = self.tokens * FLOAT * (self.width + 2)
        inputs = 3 * self.side**2 * FLOAT * (1.5 if bf16 else 1)
        if checkpointed:
            blocks = self.depth * self.tokens * self.width * FLOAT + block
        else:
            blocks = self.depth * block
        return images * (blocks + last + inputs)

    @property
    def operations(self) -> float:
        """Operations of a training step per image: forward pass, and twice that for backward.

        Two, a product and a sum, for each weight and token, and for each pair of tokens in the
        attention. The image needs no gradient, so its patches need one pass less.
        """
        weights = 2 * self.depth * 12 * self.width**2 * self.tokens
        attention = 4 * self.depth * self.tokens**2 * self.width
        patches = 2 * 3 * self.patch**2 * self.width * (self.tokens - 1)
        return 3.0 * (weights + attention) + 2 * patches


def state_bytes(parameters: int, bf16: bool, shards: int = 1, block: int | None = None) -> float:
    """Peak bytes of parameters, gradients, AdamW's two averages and what the strategy adds.

    DistributedDataParallel (``shards`` 1) keeps a copy of the gradients in its buckets. FSDP2 keeps
    a shard of all four. In addition, it keeps whole blocks: in the backward pass, two with gathered
    parameters, one of them prefetched, and two with gradients, one of them being sent. An encoder
    without blocks counts as one block; the shard of its gradients is allocated after its parameters
    are freed. With ``bf16-mixed``, there is a copy of the weights in bfloat16.

    Args:
        parameters: parameters of the encoder.
        bf16: whether the precision is ``bf16-mixed``.
        shards: processes among which FSDP2 divides the parameters.
        block: parameters of the largest block that is gathered by itself; default: none.
    """
    if shards == 1:
        numbers = 5.0 * parameters
    elif block is None:
        numbers = (3 / shards + 2) * parameters
    else:
        numbers = 4 / shards * parameters + 4 * block
    return numbers * FLOAT + (2 * parameters if bf16 else 0)


def representation_bytes(tasks: int, images: int, features: int) -> float:
    """Bytes at level ``representation``: each task's gradient, and all of them in one tensor.

    Args:
        tasks: their number.
        images: in a process's batch.
        features: numbers in an image's representation.
    """
    return 2.0 * FLOAT * tasks * images * features


def shared_bytes(tasks: int, compared: int, remembered: bool = False) -> float:
    """Bytes at level ``shared``: each task's gradient, the incoming one, and the result.

    Args:
        tasks: their number.
        compared: parameters that are compared.
        remembered: whether the method averages gradients over steps. It then keeps the gradients of
            all tasks up to five times: new, old, both weighted, and their sum.
    """
    return float(FLOAT * (tasks * (5 if remembered else 1) + 2) * compared)
