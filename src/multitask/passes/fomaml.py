"""First-order MAML: initial weights for a few steps on a few labels."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from multitask.data.episodes.entries import EPISODE, queries_of, split_episodes, support_of
from multitask.distributed import sum_losses
from multitask.passes.episode_statistics import EpisodeStatistics
from multitask.passes.episodic import EpisodicPass
from multitask.passes.inner_steps import Parts
from multitask.tasks.output import joined
from multitask.training.trial import unseen

if TYPE_CHECKING:
    from multitask.module import Batch, MultiTask, Outputs


class FOMAML(EpisodicPass):
    """Learns weights from which a few steps on an episode's support predict its queries.

    Model-agnostic meta-learning (Finn et al., 2017, arXiv 1703.03400, algorithm 1) without second
    derivatives (section 5.2 of the paper): the gradient of the queries' loss at the adapted weights
    is applied to the weights before the steps. Training logs the losses and metrics of the queries.
    With 0 steps it is joint training on the queries.

    Args:
        steps: see `EpisodicPass`; 0 or more.
        learning_rate: see `EpisodicPass`.
        batch_norm: see `EpisodicPass`.

    Raises:
        InputError: if a setting is invalid.
    """

    def forward(self, model: MultiTask, batch: Batch) -> tuple[Outputs, Batch]:
        self.refuse_watchers(model)
        self._batch = batch
        outputs, statistics = self._outputs(model, batch)
        if self.steps and self.batch_norm == "support":
            statistics.move(number_of_episodes(batch))
        return outputs, queries_of(batch)

    @torch.no_grad()
    def tried(self, model: MultiTask, batch: Batch) -> Tensor:
        if not self.steps:
            return super().tried(model, batch)
        with unseen(model):
            return model.losses(self._outputs(model, self._batch)[0], batch)[0]

    def _outputs(self, model: MultiTask, batch: Batch) -> tuple[Outputs, EpisodeStatistics]:
        """The adapted models' outputs for the queries, and the statistics of the supports."""
        statistics = EpisodeStatistics(model)
        if not self.steps:
            return model(*model.inputs_of(queries_of(batch))), statistics
        parts, found = Parts(model), []
        for episode in split_episodes(batch):
            descent, buffers = self.adapted(parts, support_of(episode), statistics)
            weights = {
                name: _as_if(parts.trained[name], each) for name, each in descent.weights.items()
            }
            statistics.add(buffers)
            with statistics.of_batch(self.batch_norm == "support"):
                found.append(parts.passed(queries_of(episode), {**buffers, **weights}))
        return {name: joined([each[name] for each in found]) for name in model.tasks}, statistics


def number_of_episodes(batch: Batch) -> Tensor:
    """Total number of episodes in the batches of all processes, a scalar, float32."""
    own = len(batch[EPISODE].unique_consecutive())
    return sum_losses(torch.tensor(float(own), device=batch[EPISODE].device))


class _AsIf(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, own: Tensor, adapted: Tensor) -> Tensor:
        return adapted.clone()

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None]:
        return gradients[0], None


def _as_if(own: Tensor, adapted: Tensor) -> Tensor:
    """The adapted values, whose gradient is applied to the model's own."""
    found: Tensor = _AsIf.apply(own, adapted)
    return found
