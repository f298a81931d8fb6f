"""The page on an evaluation."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from multitask.after.evaluating.bootstrap import RESAMPLES
from multitask.after.evaluating.comparison import Change, better, headline
from multitask.after.evaluating.evaluation import Estimate, Results
from multitask.after.evaluating.worst_samples import worst_gallery
from multitask.after.trained_model import IMAGE
from multitask.data.duplicates import remembered_input
from multitask.pages.blocks import Block, Bullets, Figure, Heading, Paragraph, Section, Table
from multitask.pages.words import arrow

SIGNIFICANT = 0.05


def report_blocks(
    results: Results, figures: Mapping[str, Figure], changes: Sequence[Change] = (), other: str = ""
) -> list[Block]:
    """Describe the results.

    Args:
        results: results of an evaluation.
        figures: figures of the tasks, by name, if they were drawn.
        changes: differences from another model, if there is one.
        other: file of that model.
    """
    samples = results.samples
    title = Heading(f"{samples.title}: {_counted(len(samples), 'sample')}", 1)
    opening = [Paragraph(f"Model: {results.trained.source}"), *map(Paragraph, remarks(results))]
    blocks: list[Block] = [title, *opening, *_metrics(results)]
    if changes:
        blocks += _changes(results, changes, other)
    for name in results.tasks:
        blocks += _task(results, name, figures)
    return blocks


def remarks(results: Results) -> list[str]:
    """Remarks for the user that precede the numbers.

    Args:
        results: results of an evaluation.
    """
    samples, seen = results.samples, results.seen
    found = list(samples.remarks)
    compared = remembered_input(samples.split)
    what = "image" if compared == IMAGE else "text"
    if seen is None and compared is not None:
        found.append(
            f"It is not known whether {what}s were trained on: the checkpoint does not record it."
        )
    elif seen is not None and seen.any():
        were = "was" if seen.sum() == 1 else "were"
        found.append(
            f"{int(seen.sum()):,} of the {_counted(len(samples), what)} {were} trained on; the "
            "results look better than they are."
        )
    elif seen is not None:
        by = "pixels" if compared == IMAGE else "texts"
        found.append(f"No {what} was trained on, judging by equal {by}.")
    if samples.groups is not None:
        count = len(set(samples.groups.values))
        found.append(
            f"Intervals are over groups ({samples.groups.name}): {count:,}, drawn as a whole."
        )
    return found


def _metrics(results: Results) -> Iterator[Block]:
    yield Section("Metrics", _summary(results))
    heads = ["task", "metric", "value", "low", "high", "trivial", "samples"]
    rows = []
    for task, found in results.tasks.items():
        for metric, each in found.estimates.items():
            named = f"{metric} {arrow(found.higher_is_better[metric])}".strip()
            ends = [number(each.low), number(each.high)]
            trivial = number(found.trivial.get(metric))
            labelled = f"{found.labelled:,}"
            rows.append([task, named, number(each.value), *ends, trivial, labelled])
    yield Table(heads, rows)
    yield Paragraph(
        f"Low and high are the ends of the 95 % interval: percentiles over up to {RESAMPLES:,} "
        "draws of the same number of samples with replacement. The trivial predictor ignores the "
        "input: the most frequent class or the mean target."
    )
    if told := notes(results):
        yield Bullets(told)


def notes(results: Results) -> list[str]:
    """List the metrics without an interval or a value, and the reasons.

    Args:
        results: results of an evaluation.
    """
    found: dict[tuple[str, str], list[str]] = {}
    for task, each in results.tasks.items():
        for metric, estimate in each.estimates.items():
            if estimate.why:
                found.setdefault((task, estimate.why), []).append(metric)
    return [f"{task} ({', '.join(names)}): {why}." for (task, why), names in found.items()]


def _summary(results: Results) -> str:
    heads = {task: headline(results, task) for task in results.tasks}
    said = [
        f"{task}: {metric} {with_interval(results.estimate(task, metric))}"
        for task, metric in heads.items()
    ]
    rest = f", and {len(said) - 4} more" if len(said) > 4 else ""
    return f"{'; '.join(said[:4])}{rest}."


def _changes(results: Results, changes: Sequence[Change], other: str) -> Iterator[Block]:
    yield Section("Compared with the other checkpoint", changes_in_words(results, changes))
    yield Paragraph(f"The other checkpoint: {other}")
    heads = ["task", "metric", "value", "other", "difference", "low", "high", "p", "p, Holm"]
    rows = [
        [
            each.task,
            each.metric,
            *map(number, (each.value, each.other, each.difference, each.low, each.high)),
            number(each.p_value),
            number(each.adjusted),
        ]
        for each in changes
    ]
    yield Table(heads, rows)
    yield Paragraph(
        "Both were evaluated on the same draws. p is twice the share of draws in which the "
        "difference of a task's headline metric is on the far side of 0, one draw added to both; "
        "Holm's correction is over the tasks."
    )


def changes_in_words(results: Results, changes: Sequence[Change]) -> str:
    """Name the tasks in which a model is better or worse than another.

    Args:
        results: results of the model.
        changes: differences from the other model.
    """
    heads = [each for each in changes if each.metric == headline(results, each.task)]
    told = [each for each in heads if each.adjusted < SIGNIFICANT]
    names: dict[bool, list[str]] = {True: [], False: []}
    for each in told:
        names[better(each, results.tasks[each.task].higher_is_better)].append(each.task)
    rest = [each.task for each in heads if each not in told]
    parts = [
        f"{what} in {', '.join(tasks)}"
        for what, tasks in (("better", names[True]), ("worse", names[False]))
        if tasks
    ]
    if rest:
        parts.append(f"no difference that can be distinguished from chance in {', '.join(rest)}")
    return f"This checkpoint: {'; '.join(parts)}." if parts else "There is nothing to compare."


def _task(results: Results, name: str, figures: Mapping[str, Figure]) -> Iterator[Block]:
    metric = headline(results, name)
    found, estimate = results.tasks[name], results.estimate(name, metric)
    trivial = found.trivial.get(metric)
    beside = f", the trivial predictor {number(trivial)}" if number(trivial) else ""
    labelled = _counted(found.labelled, "sample")
    answer = f"{metric} {with_interval(estimate)}{beside}, over {labelled} with a label."
    yield Section(name, answer if found.labelled else "no sample has a label.")
    # Names of tasks contain no dots.
    yield from (each for key, each in figures.items() if key.split(".")[0] == name)
    if (gallery := worst_gallery(results, name)) is not None:
        yield Heading(f"{name}: the {len(gallery.cards)} largest losses", 3)
        yield gallery


def with_interval(estimate: Estimate) -> str:
    """A value and its interval, as in ``0.69 [0.67, 0.71]``.

    Args:
        estimate: estimate of a metric.
    """
    if estimate.value != estimate.value:
        return f"unknown ({estimate.why})"
    ends = f" [{number(estimate.low)}, {number(estimate.high)}]"
    return number(estimate.value) + (ends if estimate.low == estimate.low else "")


def number(value: float | None) -> str:
    """A number with four digits; nothing if it is unknown."""
    return "" if value is None or value != value else f"{value:.4g}"


def _counted(count: int, noun: str) -> str:
    return f"{count:,} {noun}{'s' * (count != 1)}"
