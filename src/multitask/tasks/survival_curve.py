"""Times of a survival curve, with constant hazards between its points."""

from __future__ import annotations

import math

import torch
from torch import Tensor


def median_time(survival: Tensor, edges: Tensor) -> Tensor:
    """The time that half of the samples survive; the last time if more do.

    Args:
        survival: probabilities at each time, decreasing from 1, shape ``[batch, times]``.
        edges: the times, rising, shape ``[times]``.

    Returns:
        Shape ``[batch]``.
    """
    logs = survival.clamp_min(torch.finfo(survival.dtype).tiny).log()
    edges = edges.to(logs)
    start = (survival[:, 1:] > 0.5).sum(1).clamp_max(len(edges) - 2)
    rows = torch.arange(len(survival), device=survival.device)
    first, last = logs[rows, start], logs[rows, start + 1]
    share = (first + math.log(2)) / (first - last).clamp_min(1e-12)
    return edges[start] + (edges[start + 1] - edges[start]) * share.clamp(0, 1)


def mean_time(survival: Tensor, edges: Tensor) -> Tensor:
    """The mean time up to the last one: the area under the curve, by trapezoids.

    Args:
        survival: see `median_time`.
        edges: see `median_time`.

    Returns:
        Shape ``[batch]``.
    """
    middle = (survival[:, 1:] + survival[:, :-1]) / 2
    return middle @ edges.to(survival).diff()


def interpolated(log_survival: Tensor, edges: Tensor, wanted: Tensor) -> Tensor:
    """Interpolate a curve at other times; after its last point the hazard stays constant.

    Args:
        log_survival: log-probabilities, see `median_time`.
        edges: see `median_time`.
        wanted: other times, 0 or more, shape ``[wanted]``.

    Returns:
        Log-probabilities, shape ``[batch, wanted]``.
    """
    edges, wanted = edges.to(log_survival), wanted.to(log_survival)
    if torch.equal(edges, wanted):
        return log_survival
    place = torch.searchsorted(edges, wanted, right=True).clamp(1, len(edges) - 1)
    share = (wanted - edges[place - 1]) / (edges[place] - edges[place - 1])
    start = log_survival[:, place - 1]
    return start + (log_survival[:, place] - start) * share
