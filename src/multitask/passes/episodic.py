"""Base class of passes that adapt a model to episodes."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import TYPE_CHECKING, Literal

import torch
from lightning.pytorch import Trainer
from lightning.pytorch.strategies import DeepSpeedStrategy, FSDPStrategy, ModelParallelStrategy
from torch import Tensor

from multitask.data.episodes.entries import SUPPORT, split_episodes, support_of
from multitask.errors import InputError
from multitask.passes.base import Pass
from multitask.passes.episode_statistics import EpisodeStatistics
from multitask.passes.inner_steps import Descent, Parts, descend
from multitask.tasks.output import joined
from multitask.training.trial import unseen

if TYPE_CHECKING:
    from multitask.module import Batch, MultiTask, Outputs

BatchNorm = Literal["support", "frozen"]


class EpisodicPass(Pass):
    """Adapts a copy of the model to each episode, by plain gradient descent on its support.

    The data provide the episodes, as `multitask.data.Episodes` does. The model adapts to each
    episode separately, starting from its own weights and without momentum, and each step reduces
    the weighted sum of the tasks' losses. Validation and tests adapt to the support of their own
    episodes in the same way, and evaluate the queries. There, batches that are not episodes are
    passed unchanged.

    With ``batch_norm: support``, training normalises the support by its own statistics, and the
    queries by theirs; validation and tests normalise the queries by the support's, so that queries
    do not depend on each other. The model's running statistics follow the mean of the supports'
    over the episodes. With ``frozen``, everything is normalised by the model's running statistics,
    which do not change; use it for an encoder that was trained in another run.

    Args:
        steps: number of steps for each episode.
        learning_rate: learning rate of these steps, above 0.
        batch_norm: ``support`` or ``frozen``.

    Raises:
        InputError: if a setting is invalid.
    """

    fewest_steps = 0

    def __init__(
        self, steps: int = 5, learning_rate: float = 0.1, batch_norm: BatchNorm = "support"
    ) -> None:
        super().__init__()
        if steps < self.fewest_steps:
            raise InputError(f"{self.name}: steps is {steps}; give {self.fewest_steps} or more")
        if not 0 < learning_rate < math.inf:
            raise InputError(
                f"{self.name}: learning_rate is {learning_rate}; give a finite number above 0"
            )
        if batch_norm not in ("support", "frozen"):
            raise InputError(f"{self.name}: batch_norm is '{batch_norm}'; give support or frozen")
        self.steps, self.learning_rate, self.batch_norm = steps, learning_rate, batch_norm

    @property
    def name(self) -> str:
        """The name of the pass in messages."""
        return type(self).__name__

    @property
    def has_task_gradients(self) -> bool:
        """Only without steps: each episode is passed separately."""
        return not self.steps

    @property
    def joins_batch_norm(self) -> bool:
        """Only without steps: each episode is normalised separately."""
        return self.steps == 0

    def prepare(self, model: MultiTask, trainer: Trainer) -> None:
        data = getattr(trainer, "datamodule", None)
        train = getattr(data, "splits", {}).get("train")
        if train is None or SUPPORT not in train[torch.tensor([0])]:
            raise InputError(
                f"{self.name} learns from episodes, which {type(data).__name__} does not provide; "
                "use data such as multitask.data.Episodes, or remove model.training_pass"
            )
        if str(trainer.precision).startswith("16"):
            raise InputError(
                f"precision {trainer.precision} rounds the small gradients of {self.name}'s steps "
                "to zero; use bf16-mixed or 32-true"
            )
        sharding = FSDPStrategy | ModelParallelStrategy | DeepSpeedStrategy
        if model.device_mesh is not None or isinstance(trainer.strategy, sharding):
            raise InputError(f"{self.name} needs whole parameters; use the ddp strategy")
        self.check(model)

    def check(self, model: MultiTask) -> None:
        """Reject a model that cannot be trained this way.

        Args:
            model: the model.

        Raises:
            InputError: says what to change.
        """
        if model.balancer.weighs_gradients:
            raise InputError(
                f"{self.name} passes each episode separately, so there is no single place at which "
                f"{type(model.balancer).__name__} could compare gradients; use a balancer of "
                "losses, such as FixedWeights"
            )
        odd = [name for name, task in model.named_tasks.items() if task.teaches != 1]
        if odd:
            raise InputError(
                f"{self.name}: all tasks teach in the steps on an episode; leave the teaches of "
                f"'{odd[0]}' at 1"
            )
        if not list(self.adapted_names(Parts(model))):
            raise InputError(f"{self.name} has no parameter to adapt, since all are frozen")

    def refuse_watchers(self, model: MultiTask) -> None:
        """Reject watchers of the tasks' gradients, which would only receive those of one episode.

        Args:
            model: the model, in a training step.

        Raises:
            InputError: says what to remove.
        """
        if not self.has_task_gradients and model.views.watchers:
            raise InputError(
                f"{self.name} passes each episode separately, so there is no single gradient of a "
                "task to watch; remove the callback that watches"
            )

    def adapted_names(self, parts: Parts) -> Iterable[str]:
        """Names of the parameters that are adapted; by default all that are trained."""
        return parts.trained

    def adapted(
        self, parts: Parts, samples: Batch, statistics: EpisodeStatistics
    ) -> tuple[Descent, dict[str, Tensor]]:
        """Take the steps for one episode.

        Args:
            parts: parts of the model, which stay unchanged.
            samples: inputs and targets to learn from.
            statistics: statistics of the model.

        Returns:
            The result of the steps, and its buffers, by name.
        """
        buffers, names = parts.own_buffers(), self.adapted_names(parts)
        with unseen(parts.model), statistics.of_batch(self.batch_norm == "support"):
            found = descend(parts, samples, names, buffers, self.steps, self.learning_rate)
        return found, buffers

    def outputs_after(
        self, parts: Parts, support: Batch, queries: Batch, statistics: EpisodeStatistics
    ) -> Outputs:
        """Adapt to a support, and pass other samples through the result; without gradients.

        Args:
            parts: parts of the model, which stay unchanged.
            support: inputs and targets to learn from.
            queries: inputs.
            statistics: statistics of the model.

        Returns:
            Raw outputs of the queries.
        """
        # Tensors of inference mode, which Lightning uses for tests, cannot be differentiated.
        with torch.inference_mode(False), torch.no_grad():
            own = {name: each.clone() for name, each in support.items()}
            descent, buffers = self.adapted(parts, own, statistics)
            with unseen(parts.model), statistics.fixed():
                return parts.passed(queries, {**buffers, **descent.weights})

    def evaluated(self, model: MultiTask, batch: Batch) -> Outputs:
        if SUPPORT not in batch or not len(batch[SUPPORT]) or not self.steps:
            return super().evaluated(model, batch)
        parts, statistics = Parts(model), EpisodeStatistics(model)
        found = [
            self.outputs_after(parts, support_of(episode), episode, statistics)
            for episode in split_episodes(batch)
        ]
        return {name: joined([each[name] for each in found]) for name in model.tasks}
