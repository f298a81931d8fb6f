"""The metrics of a trained model under attacks and on corrupted images."""

from __future__ import annotations

from dataclasses import dataclass

from multitask.after.evaluating.comparison import headline
from multitask.after.evaluating.evaluation import Estimate, Results, evaluate
from multitask.after.labelled_samples import LabelledSamples
from multitask.after.robustness.changed_samples import VERB, ChangedImages, chosen_samples
from multitask.after.robustness.plan import Plan
from multitask.after.trained_model import TrainedModel
from multitask.errors import InputError
from multitask.robustness.changes import Change, check_changes
from multitask.robustness.corruptions import Corruption


@dataclass(frozen=True)
class Measured:
    """Results of a model under one change.

    Args:
        change: the change of the images; None if there is none.
        results: the metrics.
        unchanged: number of samples whose image remained unchanged, though a task had a label.
    """

    change: Change | None
    results: Results
    unchanged: int = 0

    def value(self, task: str, metric: str) -> float:
        """A metric of a task."""
        return self.results.estimate(task, metric).value

    @property
    def loss(self) -> float:
        """The sum of the attacked tasks' losses."""
        found = getattr(self.change, "tasks", None) or self.results.tasks
        values = [self.value(task, "loss") for task in found]
        return sum(each for each in values if each == each)


@dataclass(frozen=True)
class Robustness:
    """Results of a robustness measurement.

    Args:
        plan: the attacks and corruptions.
        clean: results without any change.
        attacked: results under attacks on all tasks together, by norm and size.
        alone: results under attacks on each task alone.
        one_step: results under the one-step attack, if there were attacks.
        corrupted: results on corrupted images, by kind and severity.
    """

    plan: Plan
    clean: Measured
    attacked: list[Measured]
    alone: list[Measured]
    one_step: Measured | None
    corrupted: list[Measured]

    @property
    def tasks(self) -> list[str]:
        """Names of the tasks."""
        return list(self.clean.results.tasks)

    def headline(self, task: str) -> str:
        """The headline metric of a task."""
        return headline(self.clean.results, task)

    def estimate(self, measured: Measured, task: str) -> Estimate:
        """The headline metric of a task under a change."""
        return measured.results.estimate(task, self.headline(task))

    def higher_is_better(self, task: str) -> bool:
        """Whether higher is better for a task's headline metric."""
        return bool(self.clean.results.tasks[task].higher_is_better[self.headline(task)])


def measure(trained: TrainedModel, samples: LabelledSamples, plan: Plan) -> Robustness:
    """Measure a model under all attacks and corruptions of a plan.

    Args:
        trained: the model.
        samples: labelled samples.
        plan: attacks and corruptions.

    Raises:
        InputError: if the model or its data cannot be attacked.
    """
    tasks = list(samples.tasks)
    attacks, alone = list(plan.attacks(tasks)), list(plan.alone(tasks))
    first = plan.one_step(tasks)
    corruptions = plan.corrupting()
    check_changes([*attacks, *corruptions], trained.model, VERB)
    chosen = chosen_samples(samples, plan.samples)
    if not len(chosen):
        raise InputError(f"{samples.title} has no sample to test the model on")
    changes: list[Change | None] = [None, *attacks, *alone, *corruptions]
    changes += [] if first is None else [first]
    found = []
    for place, change in enumerate(changes, 1):
        work = f"robustness: {place} of {len(changes)},"
        has_interval = not isinstance(change, Corruption) and change is not first
        found.append(
            _tried(trained, chosen, change, plan.resamples if has_interval else 0, plan, work)
        )
    rest = iter(found)
    return Robustness(
        plan,
        next(rest),
        [next(rest) for _ in attacks],
        [next(rest) for _ in alone],
        corrupted=[next(rest) for _ in corruptions],
        one_step=next(rest, None),
    )


def _tried(
    trained: TrainedModel,
    samples: LabelledSamples,
    change: Change | None,
    resamples: int,
    plan: Plan,
    work: str,
) -> Measured:
    if change is None:
        return Measured(None, evaluate(trained, samples, resamples, plan.seed, work=work))
    images = ChangedImages(trained, samples, change, plan.seed)
    results = evaluate(trained, images.changed, resamples, plan.seed, work=work)
    return Measured(change, results, images.unchanged)
