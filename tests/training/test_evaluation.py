"""All tasks' metrics over a split."""

from __future__ import annotations

import warnings
from typing import Any

import pytest
import torch
from tiny_training import tiny_model
from torch import Tensor
from torch.testing import assert_close
from torchmetrics import Metric, MetricCollection

from multitask.errors import InputError
from multitask.tasks import Classification, Regression, Task
from multitask.training import evaluation
from multitask.training.evaluation import Evaluation, Evaluations
from multitask.training.score import contribution

SAMPLES = 30
METRICS = {
    "kind": {
        *("loss", "accuracy", "balanced_accuracy", "f1", "auroc"),
        *("calibration_error", "nll", "brier"),
    },
    "size": {"loss", "mae", "rmse", "r2"},
}


@pytest.fixture
def tasks() -> dict[str, Task]:
    kind, size = Classification(3), Regression()
    kind.learn_statistics("kind", torch.tensor([0, 0, 0, 1, 2]))
    size.learn_statistics("size", torch.tensor([90.0, 100.0, 110.0]))
    return {"kind": kind, "size": size}


def outputs() -> dict[str, Tensor]:
    generator = torch.Generator().manual_seed(0)
    return {
        "kind": torch.randn(SAMPLES, 3, generator=generator),
        "size": torch.randn(SAMPLES, 1, generator=generator),
    }


def targets() -> dict[str, Tensor]:
    generator = torch.Generator().manual_seed(1)
    kind = torch.randint(3, (SAMPLES,), generator=generator)
    size = 100 + 10 * torch.randn(SAMPLES, generator=generator)
    kind[::3], size[:7] = -100, float("nan")
    return {"kind": kind, "size": size}


def evaluated(
    evaluation: Evaluation, tasks: dict[str, Task], truth: dict[str, Tensor], batch: int = 7
) -> dict[str, Tensor]:
    """Batches are uneven in size and in their labels."""
    guess = outputs()
    for rows in torch.arange(SAMPLES).split(batch):
        part, labels = ({name: each[name][rows] for name in tasks} for each in (guess, truth))
        pairs = [torch.stack(task.loss(part[name], labels[name])) for name, task in tasks.items()]
        evaluation.update(part, labels, torch.stack(pairs, 1))
    return evaluation.compute()


@pytest.mark.parametrize("split", ["train", "val", "test"])
def test_names_are_complete(split: str, tasks: dict[str, Task]) -> None:
    expected = {f"{split}/{task}/{metric}" for task, each in METRICS.items() for metric in each}
    if split == "train":
        # Losses of training are logged every few steps instead.
        expected -= {"train/kind/loss", "train/size/loss"}
    if split == "test":
        for task, each in METRICS.items():
            expected |= {f"trivial/{task}/{metric}" for metric in each - {"loss"}}
    found = evaluated(Evaluation(split, tasks), tasks, targets())
    assert found.keys() == expected | {f"{split}/score"}
    assert all(value.ndim == 0 and value.isfinite() for value in found.values())


@pytest.mark.parametrize("batch", [1, 7])
def test_values_do_not_depend_on_the_batches(batch: int, tasks: dict[str, Task]) -> None:
    whole = evaluated(Evaluation("test", tasks), tasks, targets(), SAMPLES)
    parts = evaluated(Evaluation("test", tasks), tasks, targets(), batch)
    assert_close(parts, whole, atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("enough", [1, 60, 100])
def test_values_do_not_depend_on_how_many_batches_are_joined(
    enough: int, tasks: dict[str, Task], monkeypatch: pytest.MonkeyPatch
) -> None:
    expected = evaluated(Evaluation("test", tasks), tasks, targets())
    monkeypatch.setattr("multitask.training.evaluation.ENOUGH", enough)
    found = evaluated(Evaluation("test", tasks), tasks, targets())
    assert_close(found, expected, atol=1e-5, rtol=1e-5)


def test_outputs_may_be_overwritten_once_they_are_counted_in(tasks: dict[str, Task]) -> None:
    evaluation, guess, truth = Evaluation("val", tasks), outputs(), targets()
    pairs = [torch.stack(task.loss(guess[name], truth[name])) for name, task in tasks.items()]
    evaluation.update(guess, truth, torch.stack(pairs, 1))
    for output in guess.values():
        output.zero_()
    assert_close(evaluation.compute(), evaluated(Evaluation("val", tasks), tasks, targets()))


def test_loss_is_the_mean_over_the_known_targets(tasks: dict[str, Task]) -> None:
    found = evaluated(Evaluation("val", tasks), tasks, targets())
    for name, task in tasks.items():
        total, count = task.loss(outputs()[name], targets()[name])
        assert_close(found[f"val/{name}/loss"].float(), total / count)


def majority(truth: dict[str, Tensor]) -> Tensor:
    """Accuracy of the trivial predictor, which says 0."""
    known = truth["kind"][truth["kind"] >= 0]
    return (known == 0).float().mean()


def above(value: Tensor, trivial: Tensor) -> Tensor:
    return (value - trivial) / (1 - trivial)


@pytest.mark.parametrize("split", ["train", "val", "test"])
def test_score_is_the_mean_of_how_far_tasks_are_above_trivial(
    split: str, tasks: dict[str, Task], monkeypatch: pytest.MonkeyPatch
) -> None:
    good, truth = outputs(), targets()
    good["size"] = (truth["size"].nan_to_num(100)[:, None] - 100) / 10 + 0.1 * good["size"]
    good["kind"] = good["kind"] + torch.nn.functional.one_hot(truth["kind"].clamp(0), 3)
    monkeypatch.setitem(globals(), "outputs", lambda: good)
    found = evaluated(Evaluation(split, tasks), tasks, truth)
    kind = above(found[f"{split}/kind/accuracy"], majority(truth))
    assert kind > 0.1
    assert found[f"{split}/size/r2"] > 0.5
    assert_close(found[f"{split}/score"], (kind + found[f"{split}/size/r2"]) / 2)


def test_hopeless_task_takes_next_to_nothing_from_the_score(
    tasks: dict[str, Task], monkeypatch: pytest.MonkeyPatch
) -> None:
    guess, scores = outputs(), []
    guess["kind"] = torch.nn.functional.one_hot(targets()["kind"].clamp(0), 3).float()
    for factor in (3.0, 30.0, 3e4):
        bad = {**guess, "size": guess["size"] * factor}
        monkeypatch.setitem(globals(), "outputs", lambda bad=bad: bad)
        found = evaluated(Evaluation("val", tasks), tasks, targets())
        assert found["val/kind/accuracy"] == 1
        assert found["val/size/r2"] < -1
        scores.append(float(found["val/score"]))
    assert 0.5 > scores[0] > scores[1] > scores[2] > 0.499


def test_headline_can_be_chosen(tasks: dict[str, Task]) -> None:
    for name, metric, known in (("kind", "auroc", 0.5), ("size", "mae", None)):
        chosen = {name: tasks[name]}
        tasks[name].headline = metric
        found = evaluated(Evaluation("test", chosen), chosen, targets())
        value, trivial = found[f"test/{name}/{metric}"], found[f"trivial/{name}/{metric}"]
        expected = above(value, torch.tensor(known)) if known else 1 - value / trivial
        assert_close(found["test/score"], expected.clamp(-0.001), atol=0.001, rtol=0)


def test_task_that_does_not_count_is_measured_only(tasks: dict[str, Task]) -> None:
    whole = evaluated(Evaluation("val", tasks), tasks, targets())
    tasks["size"].counts = False
    found = evaluated(Evaluation("val", tasks), tasks, targets())
    assert found.keys() == whole.keys()
    alone = {"kind": tasks["kind"]}
    kind = evaluated(Evaluation("val", alone), alone, targets())
    assert found["val/score"] == kind["val/score"] != whole["val/score"]


class Bare(Classification):
    """Has the headline of its base, and other metrics."""

    def metrics(self) -> MetricCollection:
        return MetricCollection({"f1": super().metrics()["f1"]}, compute_groups=False)


def test_headline_of_the_base_need_not_be_a_metric() -> None:
    bare = Bare(3)
    tiny_model(tasks={"kind": bare})
    found = evaluated(Evaluation("val", {"kind": bare}), {"kind": bare}, targets())
    assert found.keys() == {"val/kind/loss", "val/kind/f1", "val/score"}
    assert found["val/score"].isnan()


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"headline": "aurok"}, ["task 'kind'", "'aurok'", "did you mean 'auroc'"]),
        ({"headline": "loss"}, ["task 'kind'", "'loss'", "choose from", "'auroc'"]),
        ({"counts": False}, ["counts is false", "val/score"]),
    ],
)
def test_impossible_score_is_refused(settings: dict[str, Any], words: list[str]) -> None:
    with pytest.raises(InputError) as caught:
        tiny_model(tasks={"kind": Classification(3, **settings)})
    assert all(word in str(caught.value) for word in words)


def test_trivial_predictor_knows_the_training_targets_only(tasks: dict[str, Task]) -> None:
    found, truth = evaluated(Evaluation("test", tasks), tasks, targets()), targets()
    known = truth["kind"][truth["kind"] >= 0]
    assert_close(found["trivial/kind/accuracy"], (known == 0).float().mean())
    assert_close(found["trivial/size/mae"], (truth["size"] - 100).abs().nanmean())


def test_computing_starts_anew(tasks: dict[str, Task]) -> None:
    evaluation, other = Evaluation("test", tasks), targets()
    other["kind"], other["size"] = other["kind"].flip(0), other["size"] + 5
    evaluated(evaluation, tasks, other)
    again = evaluated(evaluation, tasks, targets())
    assert_close(again, evaluated(Evaluation("test", tasks), tasks, targets()))


@pytest.mark.parametrize(
    ("task", "missing", "other"),
    [("kind", -100, "size"), ("size", float("nan"), "kind")],
)
def test_task_without_a_label_is_left_out_without_a_warning(
    task: str, missing: float, other: str, tasks: dict[str, Task]
) -> None:
    truth = targets()
    truth[task] = torch.full_like(truth[task], missing)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found = evaluated(Evaluation("val", tasks), tasks, truth)
    assert found.keys() == {f"val/{other}/{name}" for name in METRICS[other]} | {"val/score"}
    alone = {other: tasks[other]}
    assert found["val/score"] == evaluated(Evaluation("val", alone), alone, truth)["val/score"]


def test_without_any_label_there_is_no_score(tasks: dict[str, Task]) -> None:
    truth = {"kind": torch.full((SAMPLES,), -100), "size": torch.full((SAMPLES,), float("nan"))}
    found = evaluated(Evaluation("val", tasks), tasks, truth)
    assert list(found) == ["val/score"]
    assert found["val/score"].isnan()


def test_undefined_headline_is_left_out_of_the_score_with_one_warning(
    tasks: dict[str, Task],
) -> None:
    evaluation, truth = Evaluation("val", tasks), targets()
    truth["size"][:-1] = float("nan")
    with pytest.warns(UserWarning, match="task 'size': r2 is undefined .* val labels") as caught:
        found = evaluated(evaluation, tasks, truth)
    assert len(caught) == 1
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        evaluated(evaluation, tasks, truth)
    assert found["val/size/r2"].isnan()
    assert found["val/score"] == contribution(
        found["val/kind/accuracy"], float(majority(truth)), True
    )


def test_without_any_defined_headline_there_is_no_score(tasks: dict[str, Task]) -> None:
    alone, truth = {"size": tasks["size"]}, {"size": torch.full((SAMPLES,), 3.0)}
    with pytest.warns(UserWarning, match="r2 is undefined"):
        assert evaluated(Evaluation("val", alone), alone, truth)["val/score"].isnan()


def test_output_that_is_no_number_is_not_taken_for_a_missing_label(
    tasks: dict[str, Task], monkeypatch: pytest.MonkeyPatch
) -> None:
    # Else a model with a broken task would score better than a whole one.
    broken = outputs()
    broken["size"][9] = float("nan")
    monkeypatch.setitem(globals(), "outputs", lambda: broken)
    found = evaluated(Evaluation("val", tasks), tasks, targets())
    assert found["val/size/loss"].isnan()
    assert found["val/score"].isnan()


@pytest.mark.parametrize("name", ["kind", "size"])
def test_single_task_is_enough(name: str, tasks: dict[str, Task]) -> None:
    alone = {name: tasks[name]}
    found = evaluated(Evaluation("val", alone), alone, targets())
    both = evaluated(Evaluation("val", tasks), tasks, targets())
    assert_close({**both, "val/score": found["val/score"]}, {**both, **found})
    assert found["val/score"].isfinite()


def test_directions_are_those_of_the_metrics(tasks: dict[str, Task]) -> None:
    evaluation = Evaluation("val", tasks)
    assert dict(evaluation.directions("kind")) == {
        "val/kind/accuracy": True,
        "val/kind/balanced_accuracy": True,
        "val/kind/f1": True,
        "val/kind/auroc": True,
        "val/kind/calibration_error": False,
        "val/kind/nll": False,
        "val/kind/brier": False,
    }
    assert dict(evaluation.directions("size")) == {
        "val/size/mae": False,
        "val/size/rmse": False,
        "val/size/r2": True,
    }


def test_a_split_that_is_first_used_in_inference_mode_is_used_outside_of_it_too(
    tasks: dict[str, Task],
) -> None:
    evaluations = Evaluations(tasks)
    assert list(evaluations) == ["val_split"]
    test = dict(evaluations.directions())
    with torch.inference_mode():
        first = evaluated(evaluations.of("test"), tasks, targets())
        evaluations.of("train")
    again = evaluated(evaluations.of("test"), tasks, targets())
    assert_close(again, first)
    evaluated(evaluations.of("train"), tasks, targets())
    measured = {name for name in first if name.startswith("test/") and name != "test/score"}
    assert measured == {name for name in test if name.startswith("test/")}
    assert not evaluations.state_dict()


def test_a_split_that_is_used_later_is_where_the_model_is(tasks: dict[str, Task]) -> None:
    evaluations = Evaluations(tasks).to("meta")
    for split in ("train", "val", "test"):
        metrics = [each for each in evaluations.of(split).modules() if isinstance(each, Metric)]
        assert {each.device.type for each in metrics} == {"meta"}


def test_nothing_of_it_enters_a_checkpoint(tasks: dict[str, Task]) -> None:
    assert not Evaluation("test", tasks).state_dict()


def test_small_batches_are_joined_before_they_reach_the_metrics(
    tasks: dict[str, Task], monkeypatch: pytest.MonkeyPatch
) -> None:
    sizes: list[int] = []
    size = tasks["size"]
    update = size.update_metrics

    def counted(metrics: MetricCollection, output: Tensor, target: Tensor) -> None:
        sizes.append(len(output))
        update(metrics, output, target)

    monkeypatch.setattr(evaluation, "ENOUGH", 24)
    monkeypatch.setattr(size, "update_metrics", counted)
    # A sample has four numbers, so 24 are reached by two batches of 5 samples, again and again.
    evaluated(Evaluation("val", tasks), tasks, targets(), batch=5)
    assert sizes == [10, 10, 10]
