"""The tables of ``docs/scaling.md``: the formulas for a Vision Transformer and 10 or 40 tasks."""

from __future__ import annotations

from collections.abc import Sequence

from scaling_formulas import (
    LOSSES,
    LOSSES_AFTER,
    PLAIN,
    REPRESENTATION,
    SHARED,
    SIGNS,
    Balancing,
    Link,
    Network,
    VisionTransformer,
    reduced_bytes,
    representation_bytes,
    sent_bytes,
    shared,
    shared_bytes,
    state_bytes,
)

VIT_L = VisionTransformer(depth=24, width=1024, heads=16)
CLASSES = 10
"""Outputs of each head."""
TASKS = (10, 40)
LINKS = (Link(8, 300e9), Link(64, 40e9), Link(1024, 40e9))
"""NVLink within a machine; between machines a port of 400 Gbit/s for each GPU, used to 80 %."""
IMAGES = 64
"""In a process's batch."""
GPUS, USABLE = (24e9, 40e9, 80e9), 0.9
"""Bytes that GPUs have, and the share of them that a run can count on."""
SPEED = 0.4 * 989e12
"""Operations that a GPU does in a second: 40 % of an H100's best in bfloat16."""
JPEG_BYTES, JPEG_SECONDS = 110e3, 5e-3
"""Of an average photograph of ImageNet, and to decode and scale it on one core."""
BALANCINGS = (PLAIN, LOSSES, LOSSES_AFTER, REPRESENTATION, SIGNS, SHARED, shared(10), shared(1, 2))


def vit_network(tasks: int) -> Network:
    """ViT-L with linear heads; it has neither batch normalisation nor buffers of its own."""
    return Network(VIT_L.parameters, tasks * (VIT_L.width + 1) * CLASSES, VIT_L.width)


def payload_table() -> str:
    """What is passed to all-reduces in addition to a plain step, by kind of balancing."""
    rows = [
        [each.title, each.formula, *(amount(_extra(tasks, each)) for tasks in TASKS)]
        for each in BALANCINGS
    ]
    last = shared(10)
    values = (amount(_extra(tasks, last, VIT_L.block)) for tasks in TASKS)
    rows.append([f"{last.title}, last block", last.formula, *values])
    return table(["", "numbers", *(f"{tasks} tasks" for tasks in TASKS)], rows)


def time_table() -> str:
    """Bytes that a GPU sends and the time for it, by kind of balancing and number of GPUs."""
    kinds = [(each.title, each, VIT_L.parameters) for each in BALANCINGS[1:] if each is not LOSSES]
    kinds.append((f"{shared(10).title}, last block", shared(10), VIT_L.block))
    rows = [["gradients of a plain step", *(_sent(link, _plain(TASKS[0])) for link in LINKS)]]
    for title, kind, compared in kinds:
        extra = _extra(TASKS[0], kind, compared)
        rows.append([f"+ {title}", *(_sent(link, extra) for link in LINKS)])
    return table(["", *(f"{link.processes} GPUs" for link in LINKS)], rows)


def memory_table() -> str:
    """Memory of a GPU without balancing."""
    rows = []
    for bf16 in (False, True):
        for checkpointed in (False, True):
            kept = VIT_L.activation_bytes(IMAGES, bf16, checkpointed)
            states = [
                state_bytes(VIT_L.parameters, bf16, shards, VIT_L.block) for shards in (1, 8, 64)
            ]
            name = "`bf16-mixed`" if bf16 else "`32-true`"
            rows.append(
                [
                    name + (", checkpointed" if checkpointed else ""),
                    amount(kept),
                    *(f"{amount(state)} → {amount(state + kept)}" for state in states),
                ]
            )
    return table(["", "activations", "DDP", "FSDP2, 8 GPUs", "FSDP2, 64 GPUs"], rows)


def balancing_memory_table() -> str:
    """Memory that balancing adds, and the total of a GPU with DDP in ``bf16-mixed``."""
    places = VIT_L.tokens - 1
    kinds = [
        ("`representation`, linear heads", lambda t: representation_bytes(t, IMAGES, VIT_L.width)),
        (
            f"`representation`, dense heads on {places} x {VIT_L.width}",
            lambda t: representation_bytes(t, IMAGES, places * VIT_L.width),
        ),
        ("`shared`, last block", lambda t: shared_bytes(t, VIT_L.block)),
        ("`shared`, all of the encoder", lambda t: shared_bytes(t, VIT_L.parameters)),
        (
            "the same, DBMTL and MoCo",
            lambda t: shared_bytes(t, VIT_L.parameters, remembered=True),
        ),
    ]
    kept = VIT_L.activation_bytes(IMAGES, bf16=True) + state_bytes(VIT_L.parameters, bf16=True)
    rows = [
        [title, *(f"{amount(of(tasks))} → {_fits(kept + of(tasks))}" for tasks in TASKS)]
        for title, of in kinds
    ]
    return table(["", *(f"{tasks} tasks" for tasks in TASKS)], rows)


def input_table() -> str:
    """The input per second that keeps the GPUs busy."""
    pixels = 3 * VIT_L.side**2
    rows = []
    for gpus in (1, *(link.processes for link in LINKS)):
        images = gpus * SPEED / VIT_L.operations
        bytes_a_second = (images * size for size in (JPEG_BYTES, pixels, 4 * pixels))
        cores = images * JPEG_SECONDS
        rows.append([f"{gpus}", digits(images), *map(amount, bytes_a_second), digits(cores)])
    head = [
        "GPUs",
        "images/s",
        "JPEG, each s",
        "uint8, each s",
        "float32, each s",
        "cores for JPEG",
    ]
    return table(head, rows)


def statements() -> list[str]:
    """Numbers in the text."""
    step, slow = IMAGES * VIT_L.operations / SPEED, LINKS[-1]
    gradients = slow.seconds(_plain(TASKS[0]))
    # Blocks of a network with billions of parameters are also a small part of it.
    each = [state_bytes(1, bf16=True, shards=shards, block=0) for shards in (1, 64)]
    most = [digits(USABLE * GPUS[-1] / size / 1e9) for size in each]
    return [
        f"ViT-L has {digits(VIT_L.parameters / 1e6)} million parameters without its classifier",
        f"{IMAGES} images take {digits(1000 * step)} ms",
        f"gradients of {digits(1000 * gradients)} ms at {slow.processes} GPUs",
        f"DDP holds {most[0]} billion parameters and FSDP2 {most[1]} billion",
        f"{digits(each[0])} bytes a parameter under DDP and {digits(each[1])} under FSDP2",
        f"the whole of ImageNet as uint8 takes {amount(1.28e6 * 3 * VIT_L.side**2)}",
    ]


TABLES = (payload_table, time_table, memory_table, balancing_memory_table, input_table)


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A table in Markdown."""
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines).replace("|  |", "| |")


def amount(size: float) -> str:
    """Bytes in readable form, with two digits or more."""
    for unit in ("B", "kB", "MB", "GB", "TB"):
        if size < 999.5 or unit == "TB":
            break
        size /= 1000
    return f"{digits(size)} {unit}"


def digits(value: float) -> str:
    """Three significant digits, or all digits before the point."""
    if value >= 100:
        return f"{float(f'{value:.3g}'):,.0f}".replace(",", " ")
    return f"{value:.3g}"


def _plain(tasks: int) -> float:
    return reduced_bytes(vit_network(tasks), tasks)


def _extra(tasks: int, kind: Balancing, compared: int | None = None) -> float:
    return reduced_bytes(vit_network(tasks), tasks, kind, compared) - _plain(tasks)


def _sent(link: Link, reduced: float) -> str:
    seconds = link.seconds(reduced)
    return f"{amount(sent_bytes(reduced, link.processes))}, {digits(1000 * seconds)} ms"


def _fits(size: float) -> str:
    enough = [gpu for gpu in GPUS if size < USABLE * gpu]
    return f"{amount(size)}, " + (f"fits {amount(enough[0])}" if enough else "**fits none**")
