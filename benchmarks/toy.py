"""Compare the balancing methods on problems without data: two losses of a point in the plane.

The point passes through the same gate as an encoder's features, so the code that moves it is the
code that trains a network. Follows every method from five starts of the toy problem, prints where
it ends, and draws docs/toy.png. Then draws docs/quadratics.png, with three pairs of quadratic
losses.

    python benchmarks/toy.py [--steps 10000] [--learning-rate 5e-3]
"""

from __future__ import annotations

import argparse
import functools
import io
import multiprocessing
import time
import warnings
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import torch
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from PIL import Image
from torch import Tensor
from torch.optim import SGD, Adam, Optimizer
from torchjd.aggregation import Random
from torchjd.scalarization import FAMO

from multitask.balancing import Balancer, FixedWeights, GradientBalancer, Scalarized
from multitask.balancing.gate import gate
from multitask.balancing.weightings import (
    IMTLG,
    MGDA,
    AlignedMTL,
    CAGrad,
    DualProj,
    Nash,
    PCGrad,
    UPGrad,
)
from multitask.data.toy_starts import STARTS
from multitask.tasks.toy_problem import ON_FRONT, distance, toy_front, toy_loss

TASKS = ["first", "second"]
METHODS: dict[str, Callable[[Tensor], Balancer]] = {
    "equal weights": lambda _: FixedWeights(),
    "RLW": lambda _: GradientBalancer(Random()),
    "CAGrad": lambda _: GradientBalancer(CAGrad(c=0.4)),
    "PCGrad": lambda _: GradientBalancer(PCGrad()),
    "UPGrad": lambda _: GradientBalancer(UPGrad()),
    "DualProj": lambda _: GradientBalancer(DualProj()),
    "Aligned-MTL": lambda _: GradientBalancer(AlignedMTL()),
    "MGDA": lambda _: GradientBalancer(MGDA()),
    "IMTL-G": lambda _: GradientBalancer(IMTLG()),
    "Nash-MTL": lambda _: GradientBalancer(Nash()),
    # The weight decay of its authors' code. The paper's is 100 times as large and fixes the
    # weights.
    "FAMO": lambda lowest: Scalarized(FAMO(2, min_losses=lowest, weight_decay=1e-5)),
}
"""Makes a balancer, given lower bounds of both losses, shape ``[2]``, which FAMO asks for."""
SCALE_FREE = "Nash-MTL"
SAME_SCALE = "Nash-MTL, s = 1"
"""The method whose ends the losses' scale does not move, and what shows it."""
COLORS = ("#1f77b4", "#d95f02", "#2ca02c", "#9467bd", "#8c564b")
"""One for each start."""


@dataclass(frozen=True)
class Problem:
    """Two losses of a point in the plane.

    Args:
        losses: functions from points, shape ``[..., 2]``, to a loss of each, shape ``[...]``.
        lowest: lower bounds of the losses, shape ``[2]``.
        starts: starting points of the runs, shape ``[runs, 2]``.
        front: Pareto optimal points in order, shape ``[points, 2]``.
    """

    losses: Sequence[Callable[[Tensor], Tensor]]
    lowest: Tensor
    starts: Tensor
    front: Tensor

    def at(self, points: Tensor) -> Tensor:
        """Both losses of points of shape ``[..., 2]``, in the same shape."""
        return torch.stack([loss(points) for loss in self.losses], dim=-1)


def toy(scale: float = 0.1) -> Problem:
    """`multitask.tasks.toy_problem`, one loss ``scale`` times as large as the other.

    With ``scale`` 1, the losses are mirror images.
    """
    return Problem(
        losses=(lambda points: scale * toy_loss(points), partial(toy_loss, mirrored=True)),
        # The losses stay above -20 and -20 scale; the bounds are those of FAMO's own experiment.
        lowest=torch.tensor([-21 * scale, -21], dtype=torch.float64),
        starts=torch.tensor(STARTS, dtype=torch.float64),
        front=toy_front(),
    )


def quadratics(matrices: Tensor, centers: Tensor, starts: Tensor) -> Problem:
    """The losses ``(x - u_i)^T A_i (x - u_i)``.

    Args:
        matrices: ``A``, shape ``[2, 2, 2]``.
        centers: ``u``, shape ``[2, 2]``.
        starts: shape ``[runs, 2]``.
    """
    weights = torch.linspace(-9, 9, 401, dtype=torch.float64).sigmoid()
    return Problem(
        losses=[partial(_quadratic, *each) for each in zip(matrices, centers, strict=True)],
        lowest=torch.zeros(2, dtype=torch.float64),
        starts=starts,
        front=pareto_set(matrices, centers, torch.stack([weights, 1 - weights], dim=-1)),
    )


def _quadratic(matrix: Tensor, center: Tensor, points: Tensor) -> Tensor:
    return ((points - center) @ matrix * (points - center)).sum(-1)


def pareto_set(matrices: Tensor, centers: Tensor, weights: Tensor) -> Tensor:
    """Minima of weighted sums of quadratics, ``(sum w A)^-1 sum w A u``.

    Args:
        matrices: shape ``[2, 2, 2]``.
        centers: shape ``[2, 2]``.
        weights: shape ``[points, 2]``.

    Returns:
        Shape ``[points, 2]``.
    """
    sums = torch.einsum("pk,kij->pij", weights, matrices)
    return torch.linalg.solve(sums, torch.einsum("pk,kij,kj->pi", weights, matrices, centers))


def _plane(values: object) -> Tensor:
    return torch.tensor(values, dtype=torch.float64)


HESSIAN = [[2.0, -1.0], [-1.0, 2.0]]
QUADRATICS: dict[str, tuple[Problem, float, int]] = {
    "EWQ": (
        quadratics(
            _plane([[[1, 0], [0, 0]], [[0, 0], [0, 1]]]),
            _plane([[0, 0], [0, 0]]),
            _plane([[3, -2], [0, -3], [-4, 4], [-3, 4], [-3.5, -0.75]]),
        ),
        0.075,
        50,
    ),
    "CQF": (
        quadratics(
            _plane([[[1, 0.2], [0.2, 0.05]], [[3, -0.6], [-0.6, 0.2]]]),
            _plane([[1, 0], [-1, 0]]),
            _plane([[0.5, 0.5], [-0.3, 7], [0, 0]]),
        ),
        0.125,
        200,
    ),
    "HQF": (
        quadratics(
            torch.stack([_plane(HESSIAN), 10 * _plane(HESSIAN)]),
            _plane([[1, 0], [-10, 0]]),
            _plane([[-6, 4], [-3, -1.5], [1.5, 2], [2.5, 5.5]]),
        ),
        0.005,
        100,
    ),
}
"""TorchJD's trajectories (Quinton and Rey, 2024, arXiv 2406.16232): learning rate of SGD, steps."""


def follow(
    problem: Problem,
    method: str,
    optimizer: Callable[[Iterable[Tensor]], Optimizer],
    steps: int,
) -> Tensor:
    """Optimise from all starts, each with its own balancer and gate.

    Args:
        problem: problem to solve.
        method: name of one of `METHODS`.
        optimizer: creates an optimizer of the points that treats each number separately.
        steps: number of steps.

    Returns:
        The points, first to last, shape ``[steps + 1, runs, 2]``.
    """
    balancers = [_balancer(problem, method, seed) for seed in range(len(problem.starts))]
    points = problem.starts.clone().requires_grad_()
    mover = optimizer([points])
    path = [problem.starts]
    for _ in range(steps):
        mover.zero_grad()
        _balanced(problem, points, balancers).backward()
        for balancer in balancers:
            balancer.after_backward()
        mover.step()
        path.append(points.detach().clone())
        after = functools.cache(partial(problem.at, path[-1]))
        for run, balancer in enumerate(balancers):
            balancer.after_step(lambda run=run, after=after: after()[run])
    return torch.stack(path)


def _balancer(problem: Problem, method: str, seed: int) -> Balancer:
    torch.manual_seed(seed)
    balancer = METHODS[method](problem.lowest).double()
    with warnings.catch_warnings():
        # Here the tasks share only the representation.
        warnings.filterwarnings("ignore", message=".*acts on conflicts")
        balancer.check(TASKS)
    return balancer


def _balanced(problem: Problem, points: Tensor, balancers: Sequence[Balancer]) -> Tensor:
    """Sum the balanced losses of all runs: a run's gradient depends only on its own loss."""
    pairs = zip(points.unbind(), balancers, strict=True)
    views = [gate(point, TASKS, balancer.combine) for point, balancer in pairs]
    of_tasks = [torch.stack([view[task] for view in views]) for task in TASKS]
    losses = [loss(seen) for loss, seen in zip(problem.losses, of_tasks, strict=True)]
    labelled = torch.ones(2, dtype=torch.bool)
    runs = zip(balancers, torch.stack(losses, dim=-1), strict=True)
    return torch.stack([balancer(each, labelled) for balancer, each in runs]).sum()


def adam(learning_rate: float) -> Callable[[Iterable[Tensor]], Optimizer]:
    """Adam as in the papers at a learning rate of 1e-3, and adapted for larger rates.

    With fewer and larger steps, the averages must also forget the steep start sooner; otherwise the
    rest takes too many steps. Torch's second beta of 0.999 is 1 - 1e-3.
    """
    return partial(Adam, lr=learning_rate, betas=(0.9, 1 - learning_rate))


def _solve(steps: int, learning_rate: float, job: str) -> tuple[str, Tensor]:
    torch.set_num_threads(1)
    problem, method = (toy(1.0), SCALE_FREE) if job == SAME_SCALE else (toy(), job)
    return job, follow(problem, method, adam(learning_rate), steps)


def row(method: str, path: Tensor) -> str:
    """A line of the table: the starts that end on the front, and the last x1 from each start."""
    ends = path[-1]
    reached = distance(ends, toy_front()) < ON_FRONT
    numbers = [
        f"{end[0]:8.2f}" if on else "       ." for end, on in zip(ends, reached, strict=True)
    ]
    return f"{method:14} {int(reached.sum())}/{len(ends)}     {''.join(numbers)}"


def draw_toy(paths: dict[str, Tensor], file: Path) -> None:
    """Draw a panel of points over one of losses for each method.

    Args:
        paths: what `follow` returned, by method.
        file: where to save it.
    """
    columns = (len(paths) + 1) // 2
    figure = Figure(figsize=(2.35 * columns, 10.2), layout="constrained")
    grid = figure.subplots(4, columns)
    problem = toy()
    for place, (method, path) in enumerate(paths.items()):
        line, column = divmod(place, columns)
        above, below = grid[2 * line, column], grid[2 * line + 1, column]
        _draw_points(above, problem, path)
        above.set(title=method, xticks=[-8, 0, 8], yticks=[-8, 0, 8])
        _draw_losses(below, problem, path)
        if column:
            above.set_yticklabels([])
            below.set_yticklabels([])
        else:
            above.set_ylabel("$x_2$")
            below.set_ylabel("$f_2$")
        above.set_xlabel("$x_1$", labelpad=0)
        below.set_xlabel("$f_1$", labelpad=0)
    for axes in grid.flat:
        axes.set_visible(axes.has_data())
    _legend(figure)
    _save(figure, file)


def draw_quadratics(file: Path) -> None:
    """Follow a few methods on the quadratics by SGD, and draw their points.

    Args:
        file: where to save it.
    """
    methods = ["equal weights", "UPGrad", "CAGrad", "MGDA", "IMTL-G"]
    figure = Figure(figsize=(2.35 * len(methods), 8), layout="constrained")
    grid = figure.subplots(len(QUADRATICS), len(methods), sharex="row", sharey="row")
    for line, (name, (problem, learning_rate, steps)) in zip(grid, QUADRATICS.items(), strict=True):
        for axes, method in zip(line, methods, strict=True):
            path = follow(problem, method, partial(SGD, lr=learning_rate), steps)
            _draw_points(axes, problem, path)
        line[0].set_ylabel(f"{name}:  $x_2$")
    for axes, method in zip(grid[0], methods, strict=True):
        axes.set_title(method)
    for axes in grid[-1]:
        axes.set_xlabel("$x_1$")
    _legend(figure)
    _save(figure, file)


def _draw_points(axes: Axes, problem: Problem, path: Tensor) -> None:
    shown = torch.cat([problem.starts, problem.front])
    low, high = shown.amin(0), shown.amax(0)
    margin = 0.12 * (high - low)
    limits = torch.stack([low - margin, high + margin], dim=-1).tolist()
    x1, x2 = torch.meshgrid(*(torch.linspace(*each, 200) for each in limits), indexing="xy")
    total = problem.at(torch.stack([x1, x2], dim=-1).double()).sum(-1)
    axes.contour(x1, x2, total, levels=14, colors="0.82", linewidths=0.7, linestyles="solid")
    axes.plot(*problem.front.T, color="black", linewidth=3, alpha=0.45, solid_capstyle="round")
    _draw_paths(axes, path)
    axes.set(xlim=limits[0], ylim=limits[1])


def _draw_losses(axes: Axes, problem: Problem, path: Tensor) -> None:
    axes.plot(*problem.at(problem.front).T, color="black", linewidth=3, alpha=0.45)
    _draw_paths(axes, problem.at(path))
    axes.set(
        xlim=(-2.15, 1.35), ylim=(-21.5, 13.5), xticks=[-2, -1, 0, 1], yticks=[-20, -10, 0, 10]
    )


def _draw_paths(axes: Axes, path: Tensor) -> None:
    stride = max(1, len(path) // 2000)
    for run, color in zip(path.unbind(1), COLORS, strict=False):
        axes.plot(*run[::stride].T, color=color, linewidth=1.1)
        axes.plot(*run[0], "o", color=color, markersize=5, markeredgecolor="white")
        axes.plot(*run[-1], "*", color=color, markersize=10, markeredgecolor="white", zorder=3)


def _save(figure: Figure, file: Path) -> None:
    drawn = io.BytesIO()
    figure.savefig(drawn, dpi=100)
    # A few colours keep the file small.
    Image.open(drawn).convert("RGB").quantize(64).save(file, optimize=True)


def _legend(figure: Figure) -> None:
    look = {"color": "0.3", "linestyle": "none"}
    entries = [
        Line2D([], [], marker="o", markersize=6, label="start", **look),
        Line2D([], [], marker="*", markersize=11, label="end", **look),
        Line2D([], [], color="black", alpha=0.45, linewidth=3, label="Pareto front"),
        Line2D([], [], color="0.7", linewidth=0.8, label="lines of equal $f_1 + f_2$"),
    ]
    figure.legend(handles=entries, loc="outside lower center", ncols=4, frameon=False)


def main() -> None:
    """Follow all methods, print the table, and draw the figures."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--steps", type=int, default=10_000, help="of Adam, on the toy problem")
    parser.add_argument("--learning-rate", type=float, default=5e-3, help="of Adam")
    parser.add_argument("--folder", type=Path, default=Path("docs"), help="of the pictures")
    options = parser.parse_args()
    began = time.perf_counter()
    found = {}
    with multiprocessing.get_context("spawn").Pool() as pool:
        job = partial(_solve, options.steps, options.learning_rate)
        jobs = [*METHODS, SAME_SCALE]
        for method, path in pool.imap_unordered(job, jobs):
            found[method] = path
            minutes = (time.perf_counter() - began) / 60
            print(f"{len(found)}/{len(jobs)} {method}: {minutes:.1f} minutes", flush=True)
    print("\nmethod         on front  last x1 from each start (a dot: not on the front)")
    for method in METHODS:
        print(row(method, found[method]))
    moved = (found[SAME_SCALE][-1] - found[SCALE_FREE][-1]).abs().max()
    print(f"{SCALE_FREE} moves its ends by at most {moved:.0e} when both losses have one scale")
    draw_toy({method: found[method] for method in METHODS}, options.folder / "toy.png")
    draw_quadratics(options.folder / "quadratics.png")
    print(f"{(time.perf_counter() - began) / 60:.1f} minutes in all")


if __name__ == "__main__":
    main()
