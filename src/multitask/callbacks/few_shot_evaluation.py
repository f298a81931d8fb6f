"""Evaluation of a trained model on new classes with a few labels each."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from typing import Any

import torch
from lightning.pytorch import Callback, LightningModule, Trainer
from torch import Tensor
from torch.distributed.fsdp import FSDPModule

from multitask.callbacks.new_classes import NewClasses, first_shots
from multitask.data.episodes.divided_classes import DividedClasses
from multitask.distributed import sum_losses, world_size
from multitask.errors import InputError
from multitask.few_shot import AllParameters, HeadOnly, Learner, Prototypes, Samples
from multitask.module import MultiTask
from multitask.passes.episode_statistics import EpisodeStatistics
from multitask.passes.episodic import EpisodicPass
from multitask.passes.inner_steps import Parts
from multitask.tasks import Classification
from multitask.training.epoch_log import log_reduced

NAME = "FewShotEvaluation"
OWN = "own pass"
PART = "few_shot"
Batch = dict[str, Tensor]


class FewShotEvaluation(Callback):
    """After a test, learn classes unseen in training from a few labels each.

    The data must hold out classes and their samples: `multitask.data.Episodes` or
    `multitask.data.TrainingClasses`. In each episode, all learners see the same support, and the
    support for fewer shots is part of the one for more. They are tested on the same queries, which
    share neither a sample nor a group with the support. Equal seeds and data give every model the
    same episodes. The metrics are named ``test/few_shot/<learner>-<shots>/<task>/accuracy``, for
    example ``head_only-5``, and are means over the episodes. Those of the first learner are also
    logged as ``test/few_shot/<shots>/<task>/accuracy``. The model is left unchanged.

    Args:
        learners: learners to evaluate (see `multitask.few_shot`); default: `HeadOnly`, `Prototypes`
            and `AllParameters`. A model that was trained by `multitask.passes.FOMAML` or a similar
            pass, for as many classes as an episode has, is also adapted by that pass with its own
            heads. This is the first learner, called ``own_pass``.
        shots: numbers of labels per class.
        episodes: number of episodes.
        queries: number of test samples per class.
        ways: number of classes in an episode; default: all test classes.
        seed: seed of the episodes and learners.
        own_pass: whether to evaluate the pass that trained the model.

    Raises:
        InputError: if a number is invalid.
    """

    def __init__(
        self,
        learners: Sequence[Learner] | None = None,
        shots: Sequence[int] = (1, 5, 20),
        episodes: int = 10,
        queries: int = 15,
        ways: int | None = None,
        seed: int = 0,
        own_pass: bool = True,
    ) -> None:
        for name, count, least in (
            ("shots", min(shots, default=0), 1),
            ("episodes", episodes, 1),
            ("queries", queries, 1),
            ("ways", 2 if ways is None else ways, 2),
        ):
            if count < least:
                raise InputError(f"{NAME}: {name} is {count}; give at least {least}")
        names = [each.name for each in learners or ()]
        if len(set(names)) < len(names):
            raise InputError(f"{NAME}: learners are {names}; give each only once")
        self.learners = _usual() if learners is None else list(learners)
        self.shots, self.episodes, self.queries = sorted(set(shots)), episodes, queries
        self.ways, self.seed, self.own_pass = ways, seed, own_pass

    @property
    def parts(self) -> list[str]:
        """The parts of metric names that may follow ``test``, such as ``few_shot/head_only-5``."""
        names = [part_of(OWN), *(part_of(each.name) for each in self.learners)]
        own = [f"{PART}/{shots}" for shots in self.shots]
        return own + [f"{PART}/{name}-{shots}" for name in names for shots in self.shots]

    def setup(self, trainer: Trainer, pl_module: LightningModule, stage: str) -> None:
        """Reject a sharded model, and data that hold out no classes or too few of their samples."""
        assert isinstance(pl_module, MultiTask)
        self.check(pl_module, trainer.datamodule)  # type: ignore[attr-defined]
        if any(isinstance(each, FSDPModule) for each in pl_module.modules()):
            raise InputError(f"{NAME} cannot adapt a sharded model; use the ddp strategy")

    def check(self, model: MultiTask, data: Any) -> None:
        """Reject a model or data that cannot be evaluated.

        Args:
            model: the model.
            data: a `multitask.data.DataModule`.

        Raises:
            InputError: with a suggestion of what would be valid.
        """
        if not isinstance(data, DividedClasses):
            raise InputError(
                f"{NAME} needs classes that training has not seen, which {type(data).__name__} "
                "does not keep; use multitask.data.Episodes or TrainingClasses"
            )
        data.setup()
        if "test" not in data.splits or data.task not in model.tasks:
            raise InputError(f"{NAME} needs a test set and the task '{data.task}' in the model")
        ways = self._episodes(data).check(NAME)
        if not self._learners(model, data.task, ways):
            raise InputError(
                f"{NAME}: learners is empty, and the model has no episodic pass over {ways} "
                "classes with which to adapt it; give at least one learner"
            )

    def _episodes(self, data: DividedClasses) -> NewClasses:
        return NewClasses(data, self.ways, self.shots[-1], self.queries, self.seed)

    def on_test_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Adapt, test and log."""
        assert isinstance(pl_module, MultiTask)
        data = trainer.datamodule  # type: ignore[attr-defined]
        episodes = self._episodes(data)
        ways = episodes.ways
        task = _new_task(pl_module, data.task, ways)
        learners = self._learners(pl_module, data.task, ways)
        sums = torch.zeros(len(learners), len(self.shots), device=pl_module.device)
        for number in range(trainer.global_rank, self.episodes, world_size()):
            support, query = episodes.deal(pl_module, number)
            for place, shots in enumerate(self.shots):
                shown = {name: first_shots(each, shots, ways) for name, each in support.items()}
                for row, learner in enumerate(learners):
                    seed = self.seed + number
                    predicted = _predicted(learner, pl_module, task, data.task, shown, query, seed)
                    sums[row, place] += (predicted == query[data.task]).float().mean()
        means = sum_losses(sums) / self.episodes
        log_reduced(pl_module, self._values(learners, data.task, means))

    def _values(
        self, learners: Sequence[Learner | None], task: str, means: Tensor
    ) -> dict[str, Tensor]:
        names = [part_of(OWN if each is None else each.name) for each in learners]
        values = {
            f"test/{PART}/{name}-{shots}/{task}/accuracy": means[row, place]
            for row, name in enumerate(names)
            for place, shots in enumerate(self.shots)
        }
        first = {
            f"test/{PART}/{shots}/{task}/accuracy": means[0, place]
            for place, shots in enumerate(self.shots)
        }
        return {**first, **values}

    def _learners(self, model: MultiTask, task: str, ways: int) -> list[Learner | None]:
        """The learners; None stands for the model's own pass."""
        is_own = self.own_pass and isinstance(model.training_pass, EpisodicPass)
        fits = getattr(model.named_tasks[task], "num_classes", None) == ways
        return [*([None] if is_own and fits else []), *self.learners]


def _predicted(
    learner: Learner | None,
    model: MultiTask,
    task: Classification,
    name: str,
    support: Batch,
    query: Batch,
    seed: int,
) -> Tensor:
    """The predicted classes of the queries, ``[queries]``."""
    if learner is None:
        assert isinstance(model.training_pass, EpisodicPass)
        parts, statistics = Parts(model), EpisodeStatistics(model)
        found: Any = model.training_pass.outputs_after(parts, support, query, statistics)[name]
    else:
        samples = Samples(model.inputs_of(support), support[name])
        adapted = learner.adapt(model, name, task, samples, seed)
        found = adapted.outputs(model.inputs_of(query))
    return found.argmax(1)


def part_of(name: str) -> str:
    """The name of a learner in metric names."""
    return name.replace(" ", "_")


def _usual() -> list[Learner]:
    return [HeadOnly(), Prototypes(), AllParameters()]


def _new_task(model: MultiTask, name: str, ways: int) -> Classification:
    """A classification task with other classes, otherwise like the model's own."""
    own = model.named_tasks[name]
    if not isinstance(own, Classification):
        raise InputError(f"{NAME}: '{name}' is a {type(own).__name__}; make it a Classification")
    made = Classification(ways)
    made.take_head(copy.deepcopy(own.head))
    return made.to(model.device)
