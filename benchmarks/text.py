"""Measure the cost of training a Hugging Face text model, as ratios within one run.

``fit``: a step of ``fit`` against a step of a plain loop with the same model, batches and two
heads, as in a Hugging Face example. Blocks of steps take turns in one process. Prints the median
and quartiles of the ratios of neighbouring blocks. Times are CPU times, which exclude other
programs.

``length``: an epoch whose batches contain texts of similar length (``by_length``), against one with
random batches, each cut to its longest text, and against all texts at full length.

    python benchmarks/text.py [--blocks 20] [--layers 2] [--width 256] [--part fit]
"""

from __future__ import annotations

import argparse
import statistics
import time
import warnings
from collections.abc import Callable, Iterator
from functools import partial
from itertools import islice
from typing import Any

import torch
from lightning.pytorch import Callback, Trainer
from torch import Tensor, nn
from torch.nn.functional import cross_entropy, mse_loss

from multitask import MultiTask
from multitask.callbacks import ProgressBar
from multitask.data import DataModule
from multitask.data.dataset import BatchDataset, InMemory
from multitask.encoders import HuggingFace
from multitask.tasks import Classification, Regression

VOCABULARY, PLACES, SIZE = 8192, 128, 32
BATCHES = 20
"""Batches in an epoch."""
BLOCK = 5
"""Steps in a block."""
Step = Callable[[], object]


class RandomTexts(DataModule):
    """Random texts, half of them shorter than 24 tokens, with a class and a number.

    Args:
        options: see `DataModule`.
    """

    def __init__(self, **options: Any) -> None:
        super().__init__(batch_size=SIZE, seed=0, **options)

    def load(self) -> dict[str, BatchDataset]:
        """The same texts for every split."""
        generator = torch.Generator().manual_seed(0)
        count = BATCHES * SIZE
        # As in reviews and messages, lengths range over a few powers of two.
        lengths = torch.exp(3.2 + 0.7 * torch.randn(count, 1, generator=generator))
        text = torch.randint(5, VOCABULARY, (count, PLACES), generator=generator)
        text = text.masked_fill(torch.arange(PLACES) >= lengths.clamp(2, PLACES), -1).int()
        targets = {
            "topic": torch.randint(4, (count,), generator=generator),
            "mood": torch.randn(count, generator=generator),
        }
        data = InMemory({"text": text}, targets)
        return {"train": data, "val": data, "test": data}


def encoder(width: int, layers: int) -> HuggingFace:
    """A BERT with random weights."""
    config = {
        "model_type": "bert",
        "vocab_size": VOCABULARY,
        "hidden_size": width,
        "num_hidden_layers": layers,
        "num_attention_heads": width // 32,
        "intermediate_size": 4 * width,
        "max_position_embeddings": PLACES,
    }
    return HuggingFace("none", pretrained=False, config=config)


class PlainModel(nn.Module):
    """The library's model with a mean over tokens and two heads.

    Args:
        network: the library's model.
        width: size of its vectors.
    """

    def __init__(self, network: nn.Module, width: int) -> None:
        super().__init__()
        self.network = network
        self.topic, self.mood = nn.Linear(width, 4), nn.Linear(width, 1)

    def forward(self, batch: dict[str, Tensor]) -> Tensor:
        """Compute the sum of both losses."""
        ids, mask = batch["input_ids"], batch["attention_mask"]
        values = self.network(input_ids=ids, attention_mask=mask).last_hidden_state
        weights = mask.unsqueeze(2).to(values.dtype)
        vector = (values * weights).sum(1) / weights.sum(1)
        loss = cross_entropy(self.topic(vector), batch["topic"])
        return loss + mse_loss(self.mood(vector).squeeze(1), batch["mood"])


def plain_step(width: int, layers: int, batches: Iterator[dict[str, Tensor]]) -> Step:
    """A training step of a plain loop."""
    model = PlainModel(encoder(width, layers).network, width)
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-4)

    def step() -> None:
        loss = model(next(batches))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()

    return step


def collated(data: RandomTexts) -> Iterator[dict[str, Tensor]]:
    """The batches of a training run, padded to the longest text as by the library's collators."""
    loader, split, epoch = data.train_dataloader(), data.splits["train"], 0
    while True:
        for indices in loader.sampler.global_batches(epoch):
            batch = split[indices]
            longest = int((batch["text"] >= 0).sum(1).max())
            text = batch["text"][:, :longest].long()
            mask = (text >= 0).long()
            yield {**batch, "input_ids": text.clamp_min(0), "attention_mask": mask}
        epoch += 1


class TurnTaking(Callback):
    """Times blocks of ``fit``'s steps, and a block of plain steps after each.

    Args:
        step: a plain step.
        blocks: pairs of blocks to time.
    """

    def __init__(self, step: Step, blocks: int) -> None:
        self.step, self.blocks = step, blocks
        self.ratios: list[float] = []
        self.began = 0.0
        self.count = 0

    def on_train_batch_end(self, trainer: Trainer, *_: Any) -> None:
        """At a block's end, time the same number of plain steps on the same batches."""
        self.count += 1
        if self.count % BLOCK:
            return
        took = time.process_time() - self.began
        began = time.process_time()
        for _step in range(BLOCK):
            self.step()
        plain = time.process_time() - began
        # The first blocks are a warm-up.
        if self.count > 2 * BLOCK:
            self.ratios.append(took / plain)
        trainer.should_stop = len(self.ratios) >= self.blocks
        self.began = time.process_time()

    def on_train_start(self, *_: Any) -> None:
        """Begin to time."""
        self.began = time.process_time()


def trained(model: MultiTask, data: RandomTexts, callbacks: list[Callback], epochs: int) -> None:
    """Train quietly."""
    trainer = Trainer(
        accelerator="cpu",
        max_epochs=epochs,
        logger=False,
        callbacks=callbacks,
        limit_val_batches=0,
        enable_checkpointing=False,
        enable_model_summary=False,
    )
    trainer.fit(model, data)


def multi_task(width: int, layers: int) -> MultiTask:
    """The same model, with tasks."""
    return MultiTask(
        encoder(width, layers),
        {"topic": Classification(4), "mood": Regression()},
        optimizer=partial(torch.optim.AdamW, lr=1e-4),
    )


def measure_steps(width: int, layers: int, blocks: int) -> None:
    """Print a step of ``fit`` in plain steps."""
    data = RandomTexts()
    data.setup()
    turns = TurnTaking(plain_step(width, layers, collated(data)), blocks)
    trained(multi_task(width, layers), data, [turns, ProgressBar()], -1)
    low, median, high = statistics.quantiles(turns.ratios, n=4)
    print(f"\nfit / plain loop: median {median:.3f} [{low:.3f}, {high:.3f}]", flush=True)


def measure_lengths(width: int, layers: int, blocks: int) -> None:
    """Print an epoch by length in epochs of random batches."""
    made: dict[str, RandomTexts] = {"random": RandomTexts(), "by length": RandomTexts(by_length=50)}
    steps = {name: plain_step(width, layers, collated(data)) for name, data in made.items()}
    full = RandomTexts()
    full.setup()
    seconds: dict[str, list[float]] = {name: [] for name in steps}
    for _round in range(max(2, blocks // 5)):
        for name, step in steps.items():
            began = time.process_time()
            for _step in range(BATCHES):
                step()
            seconds[name].append(time.process_time() - began)
    ratios = [one / other for one, other in zip(*seconds.values(), strict=True)]
    found = statistics.median(ratios)
    print(f"random, cut to the longest / by_length 50: median {found:.2f}, of {len(ratios)} epochs")
    tokens = int((full.splits["train"].inputs(torch.arange(BATCHES * SIZE))["text"] >= 0).sum())
    for name, data in made.items():
        epoch = islice(collated(data), BATCHES)
        places = sum(each["input_ids"].numel() for each in epoch)
        print(f"  {name:10} {tokens / places:.2f} of the places hold a token")
    print(f"  {'uncut':10} {tokens / (BATCHES * SIZE * PLACES):.2f}")


PARTS = {"fit": measure_steps, "length": measure_lengths}


def main() -> None:
    """Measure the chosen parts."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--blocks", type=int, default=20, help="pairs of blocks of 5 steps")
    parser.add_argument("--layers", type=int, default=2)
    parser.add_argument("--width", type=int, default=256)
    parser.add_argument("--part", choices=PARTS, action="append", help="default: both")
    given = parser.parse_args()
    warnings.filterwarnings("ignore")
    torch.manual_seed(0)
    for part in given.part or PARTS:
        PARTS[part](given.width, given.layers, given.blocks)


if __name__ == "__main__":
    main()
