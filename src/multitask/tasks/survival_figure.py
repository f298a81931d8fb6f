"""Figure of predicted survival curves over observed ones."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import Tensor

from multitask.tasks.survival_curve import interpolated

if TYPE_CHECKING:
    from matplotlib.axes import Axes

THIRDS = ("lowest", "middle", "highest")
COLOURS = ("tab:blue", "tab:green", "tab:red")
MOST, POINTS = 0.98, 200
ENOUGH = 30
"""Minimum number of samples for dividing them into thirds."""


def kaplan_meier(time: Tensor, event: Tensor) -> tuple[Tensor, Tensor]:
    """Share of samples whose event has not happened, estimated with censored samples.

    Kaplan and Meier, 1958, JASA 53(282), "Nonparametric Estimation from Incomplete Observations".

    Args:
        time: ``[samples]``.
        event: 1 if the event happened at that time, else 0, ``[samples]``.

    Returns:
        Times at which an event happened, rising, and the share after each, ``[times]``.
    """
    times, events = time[event == 1].unique(return_counts=True)
    at_risk = len(time) - torch.searchsorted(time.sort().values, times)
    return times, (1 - events.double() / at_risk).cumprod(0)


def draw_survival(
    axes: Axes, edges: Tensor, survival: Tensor, risk: Tensor, target: Tensor, unit: str = ""
) -> None:
    """Draw mean predicted curves, and observed ones as steps, by thirds of the risk.

    Args:
        axes: where to draw.
        edges: the ends of the bins, after 0, ``[bins + 1]``.
        survival: predicted curves, ``[samples, bins + 1]``.
        risk: a value that is larger for earlier events, ``[samples]``.
        target: times and events, ``[samples, 2]``, none missing.
        unit: unit of the times.
    """
    # Beyond it hardly any samples remain.
    last = min(float(target[:, 0].quantile(MOST)), float(edges[-1])) or float(edges[-1])
    times = torch.linspace(0, last, POINTS)
    logs = survival.clamp_min(torch.finfo(survival.dtype).tiny).log()
    curves = interpolated(logs, edges, times).exp()
    whole = [("all", "black", torch.arange(len(risk)))]
    thirds = zip(THIRDS, COLOURS, risk.argsort().tensor_split(3), strict=True)
    for name, colour, rows in thirds if len(risk) >= ENOUGH else whole:
        if not len(rows):
            continue
        label = f"{name} third of the risk" if name in THIRDS else "all samples"
        axes.plot(times.numpy(), curves[rows].mean(0).numpy(), color=colour, lw=1.2, label=label)
        seen, shares = kaplan_meier(*target[rows].unbind(1))
        steps = [0, *seen.tolist()], [1, *shares.tolist()]
        axes.step(*steps, where="post", color=colour, lw=0.8, ls=":")
    axes.legend(fontsize=7, frameon=False)
    words = f" ({unit.strip()})" if unit.strip() else ""
    axes.set(
        xlabel=f"time{words}",
        ylabel="survival (line: predicted, dots: seen)",
        ylim=(0, 1.02),
        xlim=(0, last),
    )
