"""Reptile: weights that are close to the adapted weights of every episode."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import Tensor

from multitask.balancing import FixedWeights
from multitask.data.episodes.entries import all_of, split_episodes
from multitask.distributed import world_size
from multitask.errors import InputError
from multitask.passes.episode_statistics import EpisodeStatistics
from multitask.passes.episodic import EpisodicPass
from multitask.passes.fomaml import number_of_episodes
from multitask.passes.inner_steps import Parts
from multitask.tasks.output import each_tensor, joined
from multitask.training.trial import unseen

if TYPE_CHECKING:
    from multitask.module import Batch, MultiTask, Outputs


class Reptile(EpisodicPass):
    """Moves the weights towards the result of a few steps on each episode.

    Nichol et al., 2018 (arXiv 1803.02999), algorithm 2: episodes are not divided, and the steps
    learn from all samples. The optimizer uses ``(weights - adapted weights) / learning_rate`` as
    the gradient (section 2 of the paper), which is the sum of the gradients of the steps; every
    episode has the same weight. With one step it is joint training. Training logs the losses and
    metrics of the last step.

    Args:
        steps: see `EpisodicPass`; 1 or more.
        learning_rate: see `EpisodicPass`.
        batch_norm: see `EpisodicPass`.

    Raises:
        InputError: if a setting is invalid.
    """

    fewest_steps = 1

    def check(self, model: MultiTask) -> None:
        super().check(model)
        if type(model.balancer) is not FixedWeights:
            raise InputError(
                f"{self.name} moves the weights with its own steps, whose losses "
                f"{type(model.balancer).__name__} would not see; use FixedWeights and "
                "the tasks' weight"
            )
        parts = Parts(model).trained
        if other := [
            name
            for name, parameter in model.named_parameters()
            if parameter.requires_grad and name not in parts
        ]:
            raise InputError(
                f"{self.name} has no gradient for '{other[0]}', which is not between the inputs "
                "and the outputs; use FOMAML, or a loss without parameters"
            )

    def forward(self, model: MultiTask, batch: Batch) -> tuple[Outputs, Batch]:
        self.refuse_watchers(model)
        self._batch = batch
        parts, statistics = Parts(model), EpisodeStatistics(model)
        outputs, gradients = self._descended(parts, batch, statistics)
        episodes = number_of_episodes(batch)
        if self.batch_norm == "support":
            statistics.move(episodes)
        # The strategy averages over processes, but this is a sum over them.
        share = world_size() / episodes
        self._moves = [(parts.trained[name], each * share) for name, each in gradients.items()]
        return outputs, all_of(batch)

    def losses(self, model: MultiTask, outputs: Outputs, batch: Batch) -> tuple[Tensor, Tensor]:
        losses, totals = super().losses(model, outputs, batch)
        moved = torch.stack([(own * each).sum() for own, each in self._moves]).sum()
        # Zero, with the gradient of the steps.
        return torch.cat([losses[:1] + (moved - moved.detach()), losses[1:]]), totals

    @torch.no_grad()
    def tried(self, model: MultiTask, batch: Batch) -> Tensor:
        with unseen(model):
            outputs, _ = self._descended(Parts(model), self._batch, EpisodeStatistics(model))
            return model.losses(outputs, batch)[0]

    def _descended(
        self, parts: Parts, batch: Batch, statistics: EpisodeStatistics
    ) -> tuple[Outputs, dict[str, Tensor]]:
        """Outputs of the last step, and the sum over episodes of the steps' gradients."""
        found, gradients = [], dict[str, Tensor]()
        for episode in split_episodes(batch):
            descent, buffers = self.adapted(parts, all_of(episode), statistics)
            statistics.add(buffers)
            found.append(descent.outputs)
            for name, each in descent.gradients.items():
                before = gradients.get(name)
                gradients[name] = each if before is None else before + each
        outputs = {
            name: each_tensor(joined([each[name] for each in found]), Tensor.detach)
            for name in parts.model.tasks
        }
        return outputs, gradients
