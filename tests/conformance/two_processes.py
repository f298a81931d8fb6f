"""Trains with every balancer, on one process or on those of ``torchrun``; keeps the weights."""

from __future__ import annotations

import os
import sys

import torch
import torch.distributed as dist
from conformance.cases import CASES
from conformance.training import small_model, train, weights


def main() -> None:
    """Write a dictionary of all weights to the file that the command line names."""
    processes = int(os.environ.get("WORLD_SIZE", 1))
    strategy = "auto" if processes == 1 else os.environ["STRATEGY"]
    torch.set_num_threads(1)
    learnt = {}
    for case in CASES:
        model = small_model(case.make())
        train(model, devices=processes, strategy=strategy)
        learnt[str(case)] = weights(model)
    if processes == 1 or dist.get_rank() == 0:
        torch.save(learnt, sys.argv[1])


if __name__ == "__main__":
    main()
