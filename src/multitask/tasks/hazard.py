"""The time until an event, which some samples have not reached."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn
from torch.nn.functional import logsigmoid
from torchmetrics import MetricCollection

from multitask.errors import InputError, SampleError
from multitask.tasks.base import Cell, Column, HeadCallable, Task
from multitask.tasks.concordance import Concordance
from multitask.tasks.loss_d2 import LossD2
from multitask.tasks.pooling import Pool
from multitask.tasks.survival_curve import interpolated, mean_time, median_time
from multitask.tasks.survival_figure import draw_survival

if TYPE_CHECKING:
    from matplotlib.axes import Axes

Bins = int | list[float]


class Hazard(Task):
    """Predict the time of an event, with censored samples.

    Targets have shape ``[batch, 2]``, floating: a time, 0 or more, and 1 if the event happened at
    that time or 0 if it had not happened by then (censored); missing if either is NaN. Time is
    divided into bins. For each bin the head returns the logit of the hazard, the probability that
    the event happens in the bin if it has not happened before, relative to that of all training
    samples. The loss of a sample is the negative log-likelihood of surviving the earlier bins and
    of the event in its bin; a censored sample survives the bins of which it covers at least half
    (Gensheimer and Narasimhan, 2019, PeerJ 7, e6257, "A scalable discrete-time survival model for
    neural networks", equation 3). Unlike Cox's partial likelihood, it is a sum over samples and
    never negative.

    Predictions are survival curves, ``[batch, bins + 1]``: the probability that the event happens
    after time 0 (always 1) and after the end of each bin. Tables have the columns ``<task>``, the
    median time (the end of the last bin if more than half survive it), and ``<task>.survival``, the
    probability of surviving the last bin. The hazard is constant within a bin.

    Metrics are ``concordance``, the share of comparable pairs in which the sample with the earlier
    event has the shorter mean survival, and ``d2``, the share of the loss that predictions explain.
    The concordance only compares predictions with each other: if times or probabilities matter,
    choose the best epoch by ``headline: d2``.

    Args:
        bins: number of bins, at least 2, with an equal number of training events in each; or the
            ends of the bins, rising from above 0. The last should be later than most events.
        unit: unit of the times, for figures.
        head: see `Task`; called with an output feature for each bin.
        weight: see `Task`.
        headline: see `Task`.
        counts: see `Task`.
        teaches: see `Task`.
    """

    headline = "concordance"
    edges: Tensor
    trivial: Tensor

    def __init__(
        self,
        bins: Bins = 10,
        unit: str = "",
        head: HeadCallable = nn.Linear,
        weight: float = 1.0,
        headline: str | None = None,
        counts: bool = True,
        teaches: float = 1.0,
    ) -> None:
        super().__init__(head, weight, headline, counts, teaches)
        ends = None if isinstance(bins, int) else [0.0, *map(float, bins)]
        number = bins if isinstance(bins, int) else len(bins)
        rises = ends is None or all(one < two for one, two in pairwise(ends))
        if number < 2 or not rises:
            raise InputError(
                f"bins is {bins}; give a number, at least 2, or the ends of at least 2 bins, "
                "increasing from above 0, such as [30, 90, 365]"
            )
        self.bins, self.number, self.unit = bins, number, unit
        edges = torch.arange(number + 1.0) if ends is None else torch.tensor(ends)
        self.register_buffer("edges", edges)
        self.register_buffer("trivial", torch.zeros(number))

    @property
    def out_features(self) -> int:
        return self.number

    def known(self, target: Tensor) -> Tensor:
        return target.isfinite().all(1)

    def check(self, name: str, targets: Tensor, split: str) -> None:
        if not targets.is_floating_point() or targets.ndim != 2 or targets.shape[1] != 2:
            raise InputError(
                f"task '{name}': its {split} targets are {targets.dtype} of shape "
                f"{list(targets.shape)}; a hazard needs two floating-point numbers per sample, a "
                "time and 1 for an event or 0 if there was none by then, shape [samples, 2]"
            )
        time, event = targets.unbind(1)
        wrong = (time < 0) | time.isinf()
        if wrong.any():
            row = int(wrong.nonzero()[0])
            raise SampleError(
                name,
                row,
                f"task '{name}': the time of {split} sample {row} is {float(time[row]):g}; times "
                "must be finite and 0 or more",
            )
        wrong = event.isfinite() & (event != 0) & (event != 1)
        if wrong.any():
            row = int(wrong.nonzero()[0])
            raise SampleError(
                name,
                row,
                f"task '{name}': the second number of {split} sample {row} is "
                f"{float(event[row]):g}; it must be 1 if the event happened, 0 if it had not by "
                "then (the first number is the time)",
            )

    def learn_statistics(self, name: str, targets: Tensor) -> None:
        super().learn_statistics(name, targets)
        time, event = targets[self.known(targets)].double().unbind(1)
        if not bool((event == 1).any()):
            raise InputError(
                f"task '{name}': no training sample has an event (a second number of 1), so "
                "the time of events cannot be learnt"
            )
        if isinstance(self.bins, int):
            self.edges.copy_(_edges(name, time[event == 1], self.bins))
        at_risk, events = self._cells(targets.to(self.edges.dtype))
        shares = events.sum(0) / at_risk.sum(0).clamp_min(1)
        # Half an event more or fewer keeps the logits finite.
        least = 0.5 / at_risk.sum(0).clamp_min(1)
        self.trivial.copy_(torch.minimum(shares, 1 - least).maximum(least).logit())

    def loss(self, output: Tensor, target: Tensor) -> tuple[Tensor, Tensor]:
        losses, counts = self.sample_loss(output, target)
        return losses.sum(), counts.sum()

    def sample_loss(self, output: Tensor, target: Tensor) -> tuple[Tensor, Tensor]:
        at_risk, events = self._cells(target)
        survived = at_risk & ~events
        logits = self._logits(output)
        losses = torch.where(survived, -logsigmoid(-logits), 0.0)
        losses = losses + torch.where(events, -logsigmoid(logits), 0.0)
        return losses.sum(1), self.known(target).to(output.dtype)

    def distance(self, output: Tensor, kept: Tensor, temperature: float) -> Tensor | None:
        """The Kullback-Leibler divergence over the bins in which the event may happen."""
        if self.pool() is None:
            return None
        now, before = self._log_shares(output), self._log_shares(kept)
        return (before.exp() * (before - now)).sum(1)

    def missing_target(self, output: Tensor) -> Tensor:
        return output.new_full((len(output), 2), torch.nan)

    def predict(self, output: Tensor) -> Tensor:
        return self.log_survival(output.float()).exp()

    def log_survival(self, output: Tensor) -> Tensor:
        """Log-survival at time 0 and at the end of each bin, ``[batch, bins + 1]``.

        Args:
            output: raw head outputs, see `loss`.
        """
        found = logsigmoid(-self._logits(output)).cumsum(1)
        return torch.cat([torch.zeros_like(found[:, :1]), found], 1)

    def raw(self, log_survival: Tensor) -> Tensor:
        """The head's outputs for given log-survival, the inverse of `log_survival`."""
        steps = log_survival.diff(dim=1)
        # logit(1 - exp(steps)), exact for small hazards too.
        hazard = (-steps.expm1()).clamp_min(torch.finfo(steps.dtype).tiny)
        return hazard.log() - steps - self.trivial.to(steps.dtype)

    def explained_output(self, output: Tensor) -> Tensor:
        return mean_time(self.log_survival(output).exp(), self.edges).unsqueeze(1)

    def trivial_output(self, output: Tensor) -> Tensor:
        return torch.zeros_like(output)

    def pool(self) -> Pool | None:
        return HazardPool(self) if type(self).predict is Hazard.predict else None

    def metrics(self) -> MetricCollection:
        found = {"concordance": Concordance(), "d2": LossD2(1)}
        return MetricCollection(found, compute_groups=False)  # type: ignore[arg-type]

    def update_metrics(self, metrics: MetricCollection, output: Tensor, target: Tensor) -> None:
        known = self.known(target)
        if known.any():
            time, event = target[known].unbind(1)
            mean = mean_time(self.predict(output[known]), self.edges)
            metrics["concordance"].update(mean, time, event)
            if "d2" in metrics:
                each = output, self.trivial_output(output)
                losses = torch.stack([self.sample_loss(values, target)[0] for values in each], 1)
                metrics["d2"].update(losses.unsqueeze(1), known.unsqueeze(1))

    def columns(self, name: str, prediction: Tensor) -> dict[str, Column]:
        return {name: median_time(prediction, self.edges), f"{name}.survival": prediction[:, -1]}

    def target_columns(self, name: str, target: Tensor) -> dict[str, Column]:
        return {f"{name}.time": target[:, 0], f"{name}.event": target[:, 1]}

    def side_by_side(self, prediction: Tensor, target: Tensor) -> dict[str, list[Cell]]:
        unit = f" ({self.unit.strip()})" if self.unit else ""
        known = self.known(target).tolist()
        time, event = target[:, 0].tolist(), target[:, 1].tolist()
        rows = list(zip(time, event, known, strict=True))
        return {
            f"time{unit}": [at if is_known else None for at, _, is_known in rows],
            "event": [("yes" if has else "no") if is_known else None for _, has, is_known in rows],
            f"median{unit}": median_time(prediction, self.edges).tolist(),
        }

    def caption(self, value: Tensor) -> str:
        """A time, followed by + if the event had not happened; for a prediction, the median."""
        if len(value) == self.number + 1:
            return f"{float(median_time(value[None], self.edges)):.3g}{self.unit}"
        if not bool(self.known(value[None])):
            return "?"
        return f"{float(value[0]):.3g}{'' if value[1] else '+'}{self.unit}"

    def draw(self, axes: Axes, prediction: Tensor, target: Tensor) -> bool:
        known = self.known(target)
        if not known.any():
            return False
        curves = prediction[known]
        risk = -mean_time(curves, self.edges)
        draw_survival(axes, self.edges.cpu(), curves, risk, target[known], self.unit)
        return True

    def _cells(self, target: Tensor) -> tuple[Tensor, Tensor]:
        """The bins that a sample is observed in, and the bin of its event, bool."""
        known = self.known(target)
        time, event = (torch.where(known, each, 0) for each in target.unbind(1))
        time, edges = time.unsqueeze(1), self.edges.to(target.dtype)
        start, end = edges[:-1], edges[1:]
        happened = (event == 1).unsqueeze(1)
        # A time of 0 belongs to the first bin, and the end of a bin belongs to that bin.
        inside = ((time > start) | ((time == 0) & (start == 0))) & (time <= end)
        survived = torch.where(happened, time > end, time >= (start + end) / 2)
        is_known = known.unsqueeze(1)
        events = inside & happened & is_known
        return (survived & is_known) | events, events

    def _log_shares(self, output: Tensor) -> Tensor:
        """Log-probabilities of an event in each bin, and of none, ``[batch, bins + 1]``."""
        survival = self.log_survival(output)
        happens = survival[:, :-1] + logsigmoid(self._logits(output))
        return torch.cat([happens, survival[:, -1:]], 1)

    def _logits(self, output: Tensor) -> Tensor:
        return output + self.trivial.to(output.dtype)


class HazardPool(Pool):
    """Pools survival curves by their mean at the ends of the ensemble's bins.

    Args:
        task: the ensemble's task.
    """

    def __init__(self, task: Hazard) -> None:
        self.task, self._count = task, 0
        self._total: Tensor | None = None

    def add(self, member: Hazard, output: Tensor) -> None:
        logs = interpolated(member.log_survival(output), member.edges, self.task.edges)
        # As logarithms, since small probabilities would be rounded to 0.
        self._total = logs if self._total is None else torch.logaddexp(self._total, logs)
        self._count += 1

    def output(self) -> Tensor:
        assert self._total is not None
        # `raw` takes differences, so the number of members cancels.
        return self.task.raw(self._total)


def _edges(name: str, times: Tensor, bins: int) -> Tensor:
    """0, and the ends of bins with equal numbers of events; ``[bins + 1]``."""
    shares = torch.linspace(0, 1, bins + 1, dtype=times.dtype)[1:]
    ends = torch.quantile(times, shares)
    edges = torch.cat([torch.zeros_like(ends[:1]), ends])
    if not bool((edges.float().diff() > 0).all()):
        fewer = len(ends.float().unique()) - 1
        raise InputError(
            f"task '{name}': the {len(times):,} training events cannot be divided into {bins} bins "
            "with different times; "
            f"{f'set bins to {fewer} or fewer, or ' if fewer > 1 else ''}list the bins' ends as "
            "bins"
        )
    return edges
