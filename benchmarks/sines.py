"""Sine waves from ten points: compare weights from FOMAML with those from joint training.

Finn et al., 2017 (arXiv 1703.03400), section 5.1, with a network of two hidden layers of 40 and
first-order gradients. Prints the mean squared error over test waves after some steps of gradient
descent on ten points, at the best rate for each start.

    python benchmarks/sines.py [--episodes 100000] [--waves 500] [--seed 0]
"""

from __future__ import annotations

import argparse
import time
import warnings
from collections.abc import Sequence
from functools import partial

import torch
from lightning.pytorch import Trainer, seed_everything

from multitask import MultiTask
from multitask.data import Sines
from multitask.data.episodes.entries import queries_of, split_episodes, support_of
from multitask.encoders import MLP
from multitask.passes import FOMAML, Pass
from multitask.passes.episode_statistics import EpisodeStatistics
from multitask.passes.inner_steps import Parts
from multitask.tasks import Regression

EPISODES_PER_BATCH = 20
STEPS = (0, 1, 5, 10)
RATES = (0.005, 0.01, 0.02)


def learned(training_pass: Pass | None, data: Sines, seed: int) -> MultiTask:
    """Train on waves.

    Args:
        training_pass: training pass; None for joint training.
        data: data module of the waves.
        seed: seed of the initial weights.
    """
    seed_everything(seed, verbose=False)
    length = data.episodes["train"] // EPISODES_PER_BATCH
    model = MultiTask(
        MLP(1, hidden=[40], out_features=40, batch_norm=False),
        {"value": Regression(scale="none")},
        optimizer=partial(torch.optim.Adam, lr=0.005),
        scheduler=partial(torch.optim.lr_scheduler.CosineAnnealingLR, T_max=length),
        training_pass=training_pass,
    )
    trainer = Trainer(
        accelerator="cpu",
        devices=1,
        max_epochs=1,
        limit_val_batches=0,
        logger=False,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
    )
    trainer.fit(model, data)
    return model


def error(model: MultiTask, data: Sines, steps: int, rate: float) -> float:
    """The mean squared error over the test waves after the model has adapted to each."""
    samples, parts = data.splits["test"], Parts(model)
    adapted, statistics = FOMAML(steps, rate), EpisodeStatistics(model)
    found = []
    for wave in split_episodes(samples[torch.arange(len(samples))]):
        queries = queries_of(wave)
        said = adapted.outputs_after(parts, support_of(wave), queries, statistics)["value"][:, 0]
        found.append((said - queries["value"]).square().mean())
    return float(torch.stack(found).mean())


def main(arguments: Sequence[str] | None = None) -> None:
    """Train in both ways, and print a table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--episodes", type=int, default=100_000, help="training waves")
    parser.add_argument("--waves", type=int, default=500, help="test waves")
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args(arguments)
    warnings.filterwarnings("ignore")
    torch.set_num_threads(1)
    data = Sines(
        episodes=given.episodes,
        test_episodes=given.waves,
        episodes_per_batch=EPISODES_PER_BATCH,
        seed=given.seed,
    )
    print(f"{'':14}{'s':>7}" + "".join(f"{count:>4} steps" for count in STEPS))
    for name, made in {"joint": None, "FOMAML": FOMAML(steps=5, learning_rate=0.01)}.items():
        began = time.process_time()
        model = learned(made, data, given.seed)
        seconds = time.process_time() - began
        best = [min(error(model, data, count, rate) for rate in RATES) for count in STEPS]
        print(f"{name:14}{seconds:7.0f}" + "".join(f"{each:10.3f}" for each in best), flush=True)


if __name__ == "__main__":
    main()
