"""A loss of the toy problem as a task: training moves a point, and nothing is predicted."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn
from torchmetrics import MeanMetric, MetricCollection

from multitask.errors import InputError
from multitask.tasks.base import Column, HeadCallable, Task
from multitask.tasks.toy_problem import ON_FRONT, distance, toy_front, toy_loss

if TYPE_CHECKING:
    from matplotlib.axes import Axes


class Size(MeanMetric):
    """The mean of numbers where lower is better."""

    higher_is_better = False  # type: ignore[assignment]


class Share(MeanMetric):
    """The mean of indicators that are 1 for success, else 0."""

    higher_is_better = True  # type: ignore[assignment]


class ToyObjective(Task):
    """One of the two losses of `multitask.tasks.toy_problem` at the point that the head returns.

    The head returns the encoder's point unchanged, so the tasks share nothing but the point.
    Targets, shape ``[batch]``, floating, do not enter the loss; a sample whose target is NaN does
    not count.

    Metrics: ``value`` (the loss), ``front_distance`` (from the point to the Pareto front) and
    ``on_front`` (1 if that is less than 0.1, else 0).

    Args:
        mirrored: whether to use the second loss instead of the first.
        scale: factor on the loss that is part of the problem, positive; the Nash-MTL paper
            multiplies the first loss by 0.1.
        head: see `Task`; default: the identity.
        weight: see `Task`.
        headline: see `Task`.
        counts: see `Task`.
        teaches: see `Task`.
    """

    headline = "on_front"

    def __init__(
        self,
        mirrored: bool = False,
        scale: float = 1.0,
        head: HeadCallable = nn.Identity,
        weight: float = 1.0,
        headline: str | None = None,
        counts: bool = True,
        teaches: float = 1.0,
    ) -> None:
        super().__init__(head, weight, headline, counts, teaches)
        if scale <= 0:
            raise InputError(f"scale is {scale}; it must be greater than 0")
        self.mirrored, self.scale = mirrored, scale

    @property
    def out_features(self) -> int:
        return 2

    def check(self, name: str, targets: Tensor, split: str) -> None:
        if not targets.is_floating_point() or targets.ndim != 1:
            raise InputError(
                f"task '{name}': its {split} targets are {targets.dtype} of shape "
                f"{list(targets.shape)}; a toy objective needs one floating-point number per "
                "sample, as multitask.data.ToyStarts provides"
            )

    def loss(self, output: Tensor, target: Tensor) -> tuple[Tensor, Tensor]:
        known = self.known(target)
        each = torch.where(known, self._values(output), 0.0)
        return each.sum(), known.sum().to(output.dtype)

    def predict(self, output: Tensor) -> Tensor:
        return output.float()

    def trivial_output(self, output: Tensor) -> Tensor:
        return torch.zeros_like(output)

    def metrics(self) -> MetricCollection:
        return MetricCollection(
            {"value": Size(), "front_distance": Size(), "on_front": Share()},
            compute_groups=False,
        )

    def update_metrics(self, metrics: MetricCollection, output: Tensor, target: Tensor) -> None:
        points = output[self.known(target)]
        if len(points):
            far = distance(points, toy_front())
            metrics["value"].update(self._values(points))
            metrics["front_distance"].update(far)
            metrics["on_front"].update((far < ON_FRONT).to(far))

    def columns(self, name: str, prediction: Tensor) -> dict[str, Column]:
        return {f"{name}.x1": prediction[:, 0], f"{name}.x2": prediction[:, 1]}

    def draw(self, axes: Axes, prediction: Tensor, target: Tensor) -> bool:
        axes.plot(*toy_front().T.numpy(), color="black", lw=3, alpha=0.45)
        axes.scatter(*prediction[self.known(target)].T.numpy(), marker="*", zorder=3)
        axes.set(xlabel="$x_1$", ylabel="$x_2$")
        return True

    def _values(self, points: Tensor) -> Tensor:
        if points.shape[-1] != self.out_features:
            raise InputError(
                f"the toy problem needs points of 2 numbers, but the head returns "
                f"{points.shape[-1]}; use an encoder with 2 out_features, such as "
                "multitask.encoders.Displacement"
            )
        return self.scale * toy_loss(points, self.mirrored)
