"""Trains with every balancer, on one process or on those of ``torchrun``; keeps the weights."""

from __future__ import annotations

import json
import os
import sys
from copy import deepcopy
from typing import Any

import torch
import torch.distributed as dist
from conformance.cases import CASES
from conformance.training import small_model, train, weights
from lightning.pytorch.strategies import DDPStrategy


def main() -> None:
    """Write a dictionary of all weights to the file that the command line names."""
    processes = int(os.environ.get("WORLD_SIZE", 1))
    kinds: dict[str, Any] = {"static graph": DDPStrategy(static_graph=True)}
    name = os.environ["STRATEGY"]
    options = json.loads(os.environ["OPTIONS"])
    torch.set_num_threads(1)
    learnt = {}
    for case in CASES[:: int(os.environ["EACH"])]:
        model = small_model(case.make())
        # A strategy belongs to one Trainer.
        strategy = deepcopy(kinds.get(name, name)) if processes > 1 else "auto"
        train(model, devices=processes, strategy=strategy, **options)
        learnt[str(case)] = weights(model)
    if processes == 1 or dist.get_rank() == 0:
        torch.save(learnt, sys.argv[1])


if __name__ == "__main__":
    main()
