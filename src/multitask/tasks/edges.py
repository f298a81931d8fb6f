"""Which pixels are on an edge."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import torch
from PIL import Image
from torch import Tensor
from torch.nn.functional import binary_cross_entropy_with_logits, logsigmoid
from torchmetrics import MetricCollection

from multitask import missing_labels
from multitask.encoders.forms import Form
from multitask.errors import InputError, SampleError
from multitask.heads import DenseHead
from multitask.missing_labels import MISSING_CLASS
from multitask.tasks.base import Cell, Column, MapHeadCallable, Task
from multitask.tasks.pixels import check_same_size
from multitask.tasks.pooling import ProbabilityPool
from multitask.tasks.precision_recall import BestF, PixelAveragePrecision
from multitask.tasks.shown_maps import ShownMaps

if TYPE_CHECKING:
    from matplotlib.axes import Axes


class Edges(Task):
    """Predict for each pixel whether it is on an edge, or has another rare property.

    Targets have shape ``[batch, height, width]``, dtype int64, 0 or 1, -100 at missing pixels. Raw
    outputs have shape ``[batch, 1, height, width]``; predictions are probabilities ``[batch,
    height, width]``.

    The loss is the balanced binary cross entropy. Since few pixels are edges, the weight of each
    pixel is the share of the other kind among the known training pixels, so both kinds have the
    same total weight; the mean divides by the sum of the weights (Xie and Tu, 2015, 1504.06375,
    equation 2, with the share of the training split instead of each image's). Probabilities are
    therefore higher than the frequencies of edges.

    Metrics, over all known pixels of the split, computed pixel by pixel without a spatial
    tolerance: ``average_precision`` and ``f`` (F measure at the best threshold for the split), both
    from 1000 thresholds.

    Args:
        balanced: whether the loss is balanced; if not, all pixels have the same weight.
        head: class that computes maps from the encoder's, called with their form and 1.
        weight: see `Task`.
        headline: see `Task`.
        counts: see `Task`.
        teaches: see `Task`.
    """

    headline = "average_precision"
    share: Tensor
    """Share of edges among the known training pixels."""
    kind_weights: Tensor
    """Weight of a pixel that is not on an edge, and of one that is."""

    def __init__(
        self,
        balanced: bool = True,
        head: MapHeadCallable = DenseHead,
        weight: float = 1.0,
        headline: str | None = None,
        counts: bool = True,
        teaches: float = 1.0,
    ) -> None:
        super().__init__(weight=weight, headline=headline, counts=counts, teaches=teaches)
        self.take_head(head)
        self.balanced = balanced
        self.register_buffer("share", torch.tensor(0.5))
        self.register_buffer("kind_weights", torch.ones(2))

    @property
    def out_features(self) -> int:
        return 1

    def build_head(self, form: Form) -> torch.nn.Module:
        return self.head(form, 1)

    def check(self, name: str, targets: Tensor, split: str) -> None:
        if targets.ndim != 3 or targets.dtype not in (torch.int64, torch.uint8):
            raise InputError(
                f"task '{name}': its {split} targets are {targets.dtype} of shape "
                f"{list(targets.shape)}; edges must be 0 or 1 for each pixel, int64 of shape "
                "[samples, height, width]"
            )
        numbers = missing_labels.unpacked(targets)
        wrong = missing_labels.known(numbers) & (numbers != 0) & (numbers != 1)
        if wrong.any():
            sample = int(wrong.flatten(1).any(1).nonzero()[0])
            number = int(numbers[sample][wrong[sample]][0])
            raise SampleError(
                name,
                sample,
                f"task '{name}': {split} sample {sample} has a pixel of {number}; a pixel must be "
                f"0, 1 if it is on an edge, or {MISSING_CLASS} if it is unknown",
            )

    def learn_statistics(self, name: str, targets: Tensor) -> None:
        super().learn_statistics(name, targets)
        numbers = missing_labels.unpacked(targets)
        share = (numbers == 1).sum().double() / missing_labels.known(numbers).sum()
        self.share.copy_(share)
        # If all pixels are of one kind, there is nothing to balance.
        if self.balanced and 0 < share < 1:
            self.kind_weights.copy_(torch.stack([share, 1 - share]))

    def loss(self, output: Tensor, target: Tensor) -> tuple[Tensor, Tensor]:
        losses, weights = self._each(output, target)
        return losses.sum(), weights.sum()

    def sample_loss(self, output: Tensor, target: Tensor) -> tuple[Tensor, Tensor]:
        if type(self).loss is not Edges.loss:
            return super().sample_loss(output, target)
        losses, weights = self._each(output, target)
        return losses.sum((1, 2)), weights.sum((1, 2))

    def _each(self, output: Tensor, target: Tensor) -> tuple[Tensor, Tensor]:
        """The loss and the weight of each pixel, both 0 if it is missing."""
        check_same_size(output, target)
        known = missing_labels.known(target)
        goal = (target == 1).to(output.dtype)
        without, with_edge = self.kind_weights.to(output.dtype)
        weights = known * torch.where(target == 1, with_edge, without)
        losses = binary_cross_entropy_with_logits(output[:, 0], goal, reduction="none")
        return losses * weights, weights

    def distance(self, output: Tensor, kept: Tensor, temperature: float) -> Tensor | None:
        """The Kullback-Leibler divergence at a temperature, times the temperature squared."""
        if self.pool() is None:
            return None
        now, before = output / temperature, kept / temperature
        sides = [
            before.mul(sign).sigmoid() * (logsigmoid(sign * before) - logsigmoid(sign * now))
            for sign in (1, -1)
        ]
        return temperature**2 * (sides[0] + sides[1]).flatten(1).mean(1)

    def missing_target(self, output: Tensor) -> Tensor:
        return output.new_full((len(output), *output.shape[2:]), MISSING_CLASS, dtype=torch.int64)

    def predict(self, output: Tensor) -> Tensor:
        return output[:, 0].float().sigmoid()

    def trivial_output(self, output: Tensor) -> Tensor:
        return self.share.clamp(1e-6, 1 - 1e-6).logit().to(output.dtype).expand_as(output)

    def logits(self, output: Tensor) -> Tensor:
        """Logits of the two classes, shape ``[batch, 2, height, width]``."""
        return torch.cat([torch.zeros_like(output), output], 1)

    def raw_outputs(self, logits: Tensor) -> Tensor:
        """The raw outputs for which `logits` returns the given ones, up to a constant."""
        return logits[:, 1:] - logits[:, :1]

    def pool(self) -> ProbabilityPool | None:
        # The predictions of a subclass may not be probabilities.
        return ProbabilityPool(self) if type(self).predict is Edges.predict else None

    def metrics(self) -> MetricCollection:
        found = {"average_precision": PixelAveragePrecision(), "f": BestF()}
        # Both use the same counts.
        return MetricCollection(found, compute_groups=[list(found)])  # type: ignore[arg-type]

    def update_metrics(self, metrics: MetricCollection, output: Tensor, target: Tensor) -> None:
        known = missing_labels.known(target)
        if known.any():
            metrics.update(self.predict(output)[known], target[known])

    def column_names(self, name: str) -> list[str]:
        return [name]

    def columns(self, name: str, prediction: Tensor) -> dict[str, Column]:
        return {}

    def save(self, folder: Path, names: Sequence[str], prediction: Tensor) -> dict[str, list[str]]:
        """Write 255 times the probabilities as a grey PNG."""
        folder.mkdir(parents=True, exist_ok=True)
        paths = [folder / f"{name}.png" for name in names]
        grey = (255 * prediction).round().byte().cpu().numpy()
        for path, numbers in zip(paths, grey, strict=True):
            Image.fromarray(numbers).save(path)
        return {folder.name: [str(path) for path in paths]}

    def side_by_side(self, prediction: Tensor, target: Tensor) -> dict[str, list[Cell]]:
        return {}

    def picture(self, prediction: Tensor) -> Tensor:
        return prediction

    def shown_maps(self, prediction: Tensor, target: Tensor) -> ShownMaps:
        true = target.float().where(missing_labels.known(target), torch.nan)
        return ShownMaps(true, prediction, (prediction - true).abs(), "probability of an edge")

    def draw(self, axes: Axes, prediction: Tensor, target: Tensor) -> bool:
        """Draw the precision-recall curve."""
        metrics = PixelAveragePrecision().to(prediction.device)
        known = missing_labels.known(target)
        if (target == 1).any():
            metrics.update(prediction[known], target[known])
            precision, recall = metrics.curve()
            axes.plot(recall.cpu().numpy(), precision.cpu().numpy(), lw=1)
        axes.set(xlabel="recall", ylabel="precision", xlim=(0, 1), ylim=(0, 1.02))
        return True
