"""A trained model's raw outputs for labelled samples, and their targets."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from multitask import missing_labels
from multitask.after.labelled_samples import LabelledSamples
from multitask.after.trained_model import BATCH, TrainedModel
from multitask.images.progress_line import Progress
from multitask.tasks.output import count_numbers, each_tensor, joined, rows_of

MOST_NUMBERS = 2**25
"""Most raw output values of a task to keep; for larger maps, only every n-th sample is kept."""
Pair = tuple[Any, Tensor]
"""Raw outputs and targets, first axis ``[samples]``, on the CPU."""


@torch.no_grad()
def raw_outputs(
    trained: TrainedModel, samples: LabelledSamples, places: Tensor, tasks: Sequence[str]
) -> dict[str, Pair]:
    """Compute raw outputs for all tasks in a single pass.

    Args:
        trained: the model.
        samples: labelled samples.
        places: indices of the samples to use, ``[count]``, int64; at least one.
        tasks: names of the tasks.

    Returns:
        Outputs and targets by task, for all samples; for large maps, for every n-th sample.
    """
    found: dict[str, list[Pair]] = {name: [] for name in tasks}
    every: dict[str, int] = {}
    done, progress = 0, Progress("calibration: predicted", 0, len(places))
    for part in places.split(BATCH):
        batch = {name: each.to(trained.device) for name, each in samples.batch(part).items()}
        outputs = trained.model(*trained.model.inputs_of(batch))
        for name in tasks:
            per_sample = count_numbers(outputs[name]) // len(part)
            step = every.setdefault(name, -(-per_sample * len(places) // MOST_NUMBERS) or 1)
            chosen = torch.arange(done, done + len(part)) % step == 0
            output = rows_of(outputs[name], chosen.to(trained.device))
            target = missing_labels.unpacked(batch[name])[chosen.to(trained.device)]
            found[name].append((each_tensor(output, _on_cpu), _on_cpu(target)))
        done += len(part)
        progress.step(len(part))
    return {name: _joined(parts) for name, parts in found.items()}


def _on_cpu(values: Tensor) -> Tensor:
    return values.detach().clone().cpu()


def _joined(parts: Sequence[Pair]) -> Pair:
    target = joined([each for _, each in parts])
    assert isinstance(target, Tensor)
    return joined([each for each, _ in parts]), target
