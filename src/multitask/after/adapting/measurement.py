"""Metrics of each learner with few labels, measured on a single query set."""

from __future__ import annotations

import warnings
from collections.abc import Sequence

import torch

from multitask.after.adapting.adaptation import LOSS, TRIVIAL, Adaptation, Outcome
from multitask.after.adapting.new_task import NewTask
from multitask.after.adapting.plan import LEARNERS, Plan
from multitask.after.adapting.sets import Sets, sets_of
from multitask.after.trained_model import BATCH, TrainedModel
from multitask.encoders import Encoder
from multitask.errors import InputError, settings_blamed
from multitask.few_shot import Adapted, Learner, Samples, encoder_of, is_of_classes
from multitask.images.progress_line import Progress
from multitask.training.evaluation import Evaluation
from multitask.training.image_scale import settle_normalisation
from multitask.training.task_losses import TaskLosses

SPACING = 10_007
"""Distance between the episode seeds of consecutive seeds."""


def adapt(trained: TrainedModel, new: NewTask, plan: Plan) -> Adaptation:
    """Adapt a run's encoder to a task in many episodes.

    Args:
        trained: the run's model, which is left unchanged.
        new: the task and its data.
        plan: the settings of the comparison.

    Raises:
        InputError: if there are too few labels, the encoder does not accept the data's inputs, or a
            learner that the user has chosen cannot learn the task.
    """
    settle_normalisation(trained.model.encoder, new.data)
    sets = sets_of(trained, new, plan.samples)
    encoder = _encoder(trained, sets)
    # Check this before any training, which would otherwise be wasted.
    for shots in plan.shots:
        sets.draw(shots, 0)
    found = Adaptation(trained, new, plan, sets, _learners(plan, new, sets))
    found.remarks = [*sets.remarks, *_remarks(found)]
    total = len(plan.shots) * plan.episodes * len(found.learners)
    progress = Progress("adapt: adapted", 0, total, "networks")
    for shots in plan.shots:
        for episode in range(1, plan.episodes + 1):
            _episode(found, encoder, shots, episode, progress)
    return found


def _episode(
    found: Adaptation, encoder: Encoder, shots: int, episode: int, progress: Progress
) -> None:
    seed = found.new.seed * SPACING + episode
    places = found.sets.draw(shots, seed)
    support = found.sets.support(places)
    is_kept = episode == 1 and shots == found.plan.shots[-1]
    for name, learner in found.learners.items():
        adapted = learner.adapt(encoder, found.new.name, found.new.task, support, seed)
        evaluation, metrics, trivial = _evaluated(adapted, found)
        if not found.higher_is_better:
            each = evaluation.directions(found.new.name)
            found.higher_is_better = {key.split("/")[2]: better for key, better in each}
            found.higher_is_better[LOSS] = False
        # It depends on the support set alone, and so is the same for each learner.
        if trivial and name == next(iter(found.learners)):
            found.outcomes.append(Outcome(TRIVIAL, shots, episode, trivial))
        found.outcomes.append(Outcome(learner.name, shots, episode, metrics))
        if is_kept:
            found.adapted[name], found.support = adapted, places
        progress.step()


@torch.no_grad()
def _evaluated(
    adapted: Adapted, found: Adaptation
) -> tuple[Evaluation, dict[str, float], dict[str, float]]:
    """The metrics on the query set, and those of the trivial predictor."""
    name, device, query = found.new.name, found.trained.device, found.sets.query
    tasks = {name: adapted.task}
    evaluation, losses = Evaluation("test", tasks).to(device), TaskLosses(tasks)
    for places in torch.arange(len(query)).split(BATCH):
        part = query[places].to(device)
        outputs, batch = {name: adapted.outputs(part.inputs)}, {name: part.target}
        evaluation.update(outputs, batch, losses(outputs, batch))
    with warnings.catch_warnings():
        # Undefined values stay empty in the tables.
        warnings.filterwarnings("ignore", message=".*is undefined for the known test labels.*")
        computed = evaluation.compute()
    values = {key: float(each) for key, each in computed.items()}

    def of(which: str) -> dict[str, float]:
        begin = f"{which}/{name}/"
        return {k.removeprefix(begin): each for k, each in values.items() if k.startswith(begin)}

    return evaluation, of("test"), of("trivial")


def _encoder(trained: TrainedModel, sets: Sets) -> Encoder:
    """The encoder for all learners, after a check that it accepts the inputs."""
    kind = type(sets.new.data).__name__
    one = Samples([each[:1] for each in sets.query.inputs], sets.query.target[:1])
    inputs = [
        each.to(trained.precision) if each.is_floating_point() else each
        for each in one.to(trained.device).inputs
    ]
    try:
        with settings_blamed("it does not accept their shape"), torch.no_grad():
            found = encoder_of(trained.model, inputs)
            found.eval()(*inputs)
    except InputError as error:
        # The encoder is already trained, so the advice in its own message does not apply.
        reason = str(error).partition(";")[0]
        raise InputError(
            f"adapt: the encoder of {trained.source} does not fit the inputs of {kind}: {reason}"
        ) from error
    return found


def _learners(plan: Plan, new: NewTask, sets: Sets) -> dict[str, Learner]:
    fits = is_of_classes(new.task, sets.query.target)
    # A learner that the user requests reports by itself why it is impossible.
    chosen = [
        name for name in plan.learners if fits or plan.is_chosen or not LEARNERS[name].needs_classes
    ]
    return {name: LEARNERS[name]() for name in chosen}


def _remarks(found: Adaptation) -> Sequence[str]:
    trained, data, plan = found.trained, found.new.data, found.plan
    told = []
    without = [LEARNERS[name].name for name in plan.learners if name not in found.learners]
    if without:
        kind = type(found.new.task).__name__
        told.append(f"Without {' and '.join(without)}, because '{found.new.name}' is a {kind}.")
    ours, theirs = trained.description.get("transforms"), data.recipe_of_transforms
    if ours is not None and list(ours) != list(theirs or []):
        told.append(
            "The data's transforms are not those of the run, so the encoder sees other images than "
            "it was trained on; give data.init_args.transforms as the run has them, unless this is "
            "meant."
        )
    told += _other_size(found)
    if len(data.augmentations):
        told.append("The data's augmentations are not used.")
    if plan.episodes < 3:
        told.append("An interval needs at least three episodes.")
    return told


def _other_size(found: Adaptation) -> list[str]:
    """A remark if the image size of the data differs from that of the run."""
    inputs = dict(zip(found.trained.model.inputs, found.sets.query.inputs, strict=True))
    known = (found.trained.description.get("inputs") or {}).get("image")
    if known is None or "image" not in inputs:
        return []
    ours, theirs = tuple(inputs["image"].shape[2:]), (known["height"], known["width"])
    if ours == theirs:
        return []
    sizes = ["x".join(map(str, each)) for each in (ours, theirs)]
    return [f"The data's images have {sizes[0]} pixels, and the run's {sizes[1]}."]
