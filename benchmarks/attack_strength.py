"""Measure how strong the attacks are: PGD with different numbers of steps, and AutoAttack.

Prints the accuracy of one classification task of a trained model on images of its test set. It is
an upper bound of the robustness, so the lowest value is the closest. AutoAttack (Croce and Hein,
2020; https://arxiv.org/abs/2003.01690) is the implementation of torchattacks. It attacks only
classifications, with at least 4 classes. An interval contains 95 % of the bootstrap resamples of
the images.

    pip install --no-deps -r tests/oracles.txt
    python benchmarks/attack_strength.py RUN/checkpoints/best.ckpt [--task=digit] [--eps=0.05]
        [--samples=200]
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from multitask.after.labelled_samples import own_samples
from multitask.after.loading import load
from multitask.errors import InputError
from multitask.module import MultiTask
from multitask.robustness import Attack, PixelBounds
from multitask.robustness.changes import spread_places
from multitask.tasks import Classification

FEWEST_CLASSES = 4
GRADIENTS = {"PGD-10": (10, 1), "PGD-50": (50, 1), "PGD-20, 5 starts": (20, 5)}
"""Steps and restarts by name."""
AUTOATTACK = "AutoAttack"
Batch = dict[str, Tensor]


class Logits(nn.Module):
    """One classification of a model in the form of other libraries: from pixels to logits.

    Args:
        model: the model.
        task: the classification.
        bounds: how the model's images are computed from pixels.
    """

    def __init__(self, model: MultiTask, task: str, bounds: PixelBounds) -> None:
        super().__init__()
        self.model, self.task, self.bounds = model, task, bounds
        # Torchattacks restores the mode of a model, which for a new module is the training mode. It
        # would then attack a model that uses the statistics of its batch.
        self.eval()

    def forward(self, pixels: Tensor) -> Tensor:
        found: Any = self.model(self.bounds.images(pixels))[self.task]
        return found


def check_task(model: MultiTask, task: str) -> int:
    """The number of classes of a task that AutoAttack can attack.

    Raises:
        InputError: if the model has no such classification or other inputs, or if there are too few
            classes.
    """
    kind = model.named_tasks.get(task)
    if not isinstance(kind, Classification) or model.inputs != ("image",):
        raise InputError(f"'{task}' is not a classification of a model that takes images alone")
    if kind.num_classes < FEWEST_CLASSES:
        raise InputError("AutoAttack needs a classification with at least 4 classes")
    return kind.num_classes


def accuracies(
    model: MultiTask,
    task: str,
    batch: Batch,
    eps: float,
    bounds: PixelBounds,
    queries: int = 5000,
) -> dict[str, tuple[Tensor, float]]:
    """Find the images that are still classified correctly, and the seconds per attack.

    Args:
        model: in evaluation mode.
        task: the classification that is attacked.
        batch: images as the model expects them, ``index``, and the labels, none of them missing.
        eps: maximum change of a pixel.
        bounds: how the images are computed from pixels.
        queries: number of queries of the part of AutoAttack that uses no gradients.
    """
    import torchattacks

    classes, logits = check_task(model, task), Logits(model, task, bounds)
    pixels, labels = bounds.pixels(batch["image"]).clamp(0, 1), batch[task]
    own = {**batch, "image": bounds.images(pixels)}
    attacks: dict[str, Callable[[], Tensor]] = {"none": lambda: pixels}
    for name, (steps, restarts) in GRADIENTS.items():
        attack = Attack(eps, steps, tasks={task: 1.0}, restarts=restarts)
        attacks[name] = lambda attack=attack: bounds.pixels(  # type: ignore[misc]
            attack(model, own, own["index"], 0, bounds)
        )
    automatic = torchattacks.AutoAttack(logits, norm="Linf", eps=eps, n_classes=classes, seed=0)
    automatic._autoattack.attacks[-1].n_queries = queries
    attacks[AUTOATTACK] = lambda: automatic(pixels, labels)
    found = {}
    for name, attack_of in attacks.items():
        began = time.perf_counter()
        attacked = attack_of().detach()
        seconds = time.perf_counter() - began
        assert float((attacked - pixels).abs().max()) <= eps + 1e-5
        with torch.no_grad():
            found[name] = logits(attacked).argmax(1) == labels, seconds
    return found


def interval(right: Tensor) -> tuple[float, float]:
    """The middle 95 % of the accuracies of bootstrap resamples."""
    values = right.double().numpy()
    draws = np.random.default_rng(0).choice(values, (2000, len(values))).mean(1)
    low, high = np.quantile(draws, [0.025, 0.975])
    return float(low), float(high)


def main() -> None:
    """Print a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("checkpoint", type=Path)
    parser.add_argument("--task", default="digit")
    parser.add_argument("--eps", type=float, default=0.05)
    parser.add_argument("--samples", type=int, default=200)
    given = parser.parse_args()
    trained = load(given.checkpoint, device="cpu")
    samples = own_samples(trained, "test", None)
    places = spread_places(given.samples, len(samples)).nonzero().flatten()
    batch = samples.batch(places)
    known = trained.model.named_tasks[given.task].known(batch[given.task])
    batch = {name: each[known] for name, each in batch.items()}
    bounds = PixelBounds.of(list(trained.transforms))
    print(f"{given.task}, {int(known.sum())} images, L-inf {given.eps:g}\n")
    print("| attack | accuracy | 95 % | seconds |\n|---|---|---|---|")
    for name, (right, seconds) in accuracies(
        trained.model, given.task, batch, given.eps, bounds
    ).items():
        low, high = interval(right)
        print(f"| {name} | {right.float().mean():.3f} | {low:.3f} to {high:.3f} | {seconds:.1f} |")


if __name__ == "__main__":
    main()
