"""Ensembles of a study's runs: what is measured, and which intervals its reports give."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pandas as pd
import pytest
import torch
import yaml
from ensembles.made_runs import SeededData
from sklearn.metrics import roc_auc_score
from torch.testing import assert_close

import multitask
from multitask.ensembles.of_study import EnsembleResult, check_data_seeds, measured
from multitask.ensembles.repeated_study import Repetition, repeated_ensembles
from multitask.ensembles.scores import FORMS, scores_of
from multitask.ensembles.shuffled import PARTS, auroc, shuffled_patches
from multitask.ensembles.study_sections import ensemble_sections
from multitask.errors import InputError
from multitask.pages.blocks import Block, Paragraph, Section, Table
from multitask.study.plan import Method, PlannedRun, Study, planned
from multitask.study.results import Results

TASKS = {
    "kind": {"class_path": "multitask.tasks.Classification", "init_args": {"num_classes": 3}},
    "size": {"class_path": "multitask.tasks.Regression"},
}


@pytest.fixture
def study(tmp_path: Path) -> Callable[..., Study]:
    """A study of one method and its ensemble; any field can be replaced."""
    path = tmp_path / "experiment.yaml"
    data = {"class_path": "ensembles.made_runs.SeededData"}
    path.write_text(yaml.safe_dump({"data": data, "model": {"tasks": TASKS}}))

    def make(**fields: Any) -> Study:
        defaults: dict[str, Any] = {
            "seeds": [0, 1, 2],
            "methods": {"both": Method()},
            "ensembles": {"three": "both"},
            "settings": {"data.init_args.seed": 0},
        }
        return Study(str(path), **(defaults | fields))

    return make


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"ensembles": {"three": "bth"}}, "the unknown method 'bth'; did you mean 'both'?"),
        ({"ensembles": {"three": "single task"}}, "the unknown method 'single task'"),
        ({"seeds": [0]}, "their members are the seeds, so give at least two seeds"),
        (
            {"ensembles": {"a": "both", "A": "both"}},
            "'A' differs from 'a' only in special characters",
        ),
    ],
)
def test_what_is_no_ensemble_is_refused(
    study: Callable[..., Study], fields: dict[str, Any], reason: str
) -> None:
    with pytest.raises(InputError) as error:
        study(**fields)
    assert reason in str(error.value)


def test_members_must_have_one_test_set(study: Callable[..., Study]) -> None:
    fixed, free = study(), study(settings={})
    check_data_seeds(fixed, list(planned(fixed)))
    with pytest.raises(InputError, match=r"have no fixed seed.*data.init_args.seed: 0"):
        check_data_seeds(free, list(planned(free)))


def test_a_study_need_not_train_each_task_alone(study: Callable[..., Study]) -> None:
    assert {run.method for run in planned(study(baselines=False))} == {"both"}
    assert {run.method for run in planned(study())} == {"single task", "both"}


@pytest.fixture(scope="module")
def scores(runs: list[Path]) -> pd.DataFrame:
    """Of the three runs."""
    paths = [run / "checkpoints/best.ckpt" for run in runs]
    members = [multitask.load(path, device="cpu").model for path in paths]
    data = SeededData(0)
    data.setup()
    return pd.DataFrame(scores_of(members, data).rows)


def values(scores: pd.DataFrame, form: str, task: str, metric: str) -> list[float]:
    rows = scores[(scores["form"] == form) & (scores["task"] == task)]
    return list(rows[rows["metric"] == metric]["value"])


def test_single_ensemble_and_both_calibrated_are_measured(scores: pd.DataFrame) -> None:
    for form, count in zip(FORMS, (3, 3, 1, 1), strict=True):
        assert len(values(scores, form, "size", "mae")) == count
    # Some of these members have no best temperature, and the mean of the others is not shown.
    assert len(values(scores, "single", "kind", "nll")) == 3
    assert values(scores, "single, calibrated", "kind", "nll") == []
    # A temperature changes no answer, and is the best for the validation set alone.
    pair = [values(scores, f"ensemble{each}", "kind", "accuracy") for each in ("", ", calibrated")]
    assert pair[0] == pair[1]
    assert "shuffled_mutual_information" in set(scores[scores["form"] == "ensemble"]["metric"])
    # Regression has these only with a calibration.
    for metric in ("coverage", "nll", "interval_width"):
        assert len(values(scores, "single, calibrated", "size", metric)) == 3
        assert len(values(scores, "ensemble, calibrated", "size", metric)) == 1


def result(scores: pd.DataFrame, **changes: Any) -> EnsembleResult:
    made = EnsembleResult("three", "both", 3, scores, [])
    return replace(made, **changes)


def results_of(study: Study) -> Results:
    table = pd.DataFrame()
    metrics = {"kind": "accuracy", "size": "r2"}
    return Results(study, metrics, {"kind": True, "size": True}, table, table, table, table)


def parts(blocks: list[Block]) -> tuple[str, Table, str]:
    """The answer, the table, and the sentences below it."""
    (section,) = [each for each in blocks if isinstance(each, Section)]
    (table,) = [each for each in blocks if isinstance(each, Table)]
    texts = [str(each.text) for each in blocks if isinstance(each, Paragraph)]
    return str(section.answer), table, " ".join(texts)


def test_one_ensemble_has_no_interval(study: Callable[..., Study], scores: pd.DataFrame) -> None:
    blocks = list(ensemble_sections(results_of(study()), [result(scores)]))
    answer, table, text = parts(blocks)
    assert answer.startswith("The ensemble of 3 has a kind accuracy of ")
    rows = {str(row[0]): row[1:] for row in table.rows}
    assert "±" in str(rows["single"][0])
    assert "±" not in "".join(map(str, rows["ensemble"]))
    assert "which has no interval" in text


def confident(sure: float) -> pd.DataFrame:
    """Scores of an ensemble that is right in 70 % of all cases."""
    named = {"accuracy": 0.7, "calibration_error": 0.2, "confidence": sure}
    rows = [
        {"form": "ensemble", "task": "kind", "metric": name, "value": value}
        for name, value in named.items()
    ]
    calibrated = {**rows[1], "form": "ensemble, calibrated", "value": 0.03}
    return pd.DataFrame([*rows, calibrated]).assign(member=None, higher_is_better=True)


@pytest.mark.parametrize(
    ("sure", "reason"),
    [
        (0.5, "under-confident about kind (0.500 mean probability of the chosen class, 0.700"),
        (0.9, "over-confident about kind (0.900 mean"),
    ],
)
def test_the_report_says_which_way_confidence_is_wrong(
    study: Callable[..., Study], sure: float, reason: str
) -> None:
    _, _, text = parts(list(ensemble_sections(results_of(study()), [result(confident(sure))])))
    assert reason in text
    assert "calibration error of 0.200" in text
    assert "calibrated, it has 0.0300" in text
    assert ("does not mean that its answers are worse" in text) == (sure < 0.7)


def repeated(study: Study, scores: pd.DataFrame, folder: Path) -> list[Block]:
    found = {}
    for place, name in enumerate(study.vary):
        shifted = scores.assign(value=scores["value"] + 0.1 * place)
        found[name] = Repetition(results_of(study), [result(shifted)])
    return list(repeated_ensembles(study, found, folder))


def test_repetitions_with_other_seeds_alone_have_an_interval(
    study: Callable[..., Study], scores: pd.DataFrame, tmp_path: Path
) -> None:
    seeds = {f"data {seed}": {"data.init_args.seed": seed} for seed in range(3)}
    _, table, text = parts(repeated(study(vary=seeds), scores, tmp_path))
    rows = {str(row[0]): row[1:] for row in table.rows}
    assert all("±" in " ".join(map(str, rows[form])) for form in FORMS)
    # Of the same scores in each repetition, the paired difference is the same.
    assert " ± 0.0" in str(rows["ensemble - single"][0])
    assert " of 3)" in str(rows["ensemble - single"][0])
    assert "Means over 3 repetitions" in text
    assert len(pd.read_csv(tmp_path / "ensembles.csv")) == 3 * len(scores)
    labels = {name: {"data.init_args.labels": place} for place, name in enumerate(seeds)}
    answer, table, _ = parts(repeated(study(vary=labels), scores, tmp_path))
    assert answer.startswith("The repetitions differ in more than seeds")
    assert "±" not in str(table.rows)


def test_an_ensemble_waits_for_its_members(
    study: Callable[..., Study], runs: list[Path], tmp_path: Path
) -> None:
    asked = study()
    all_runs: list[PlannedRun] = list(planned(asked))
    finished = {1: runs[1], 2: runs[2]}
    place: Any = SimpleNamespace(folder=tmp_path, finished=lambda run: finished.get(run.seed))
    (found,) = measured(asked, all_runs, place)
    assert found.remarks == ["It is not ready yet: 1 of its 3 members has not finished."]
    (section,) = ensemble_sections(results_of(asked), [found])
    assert isinstance(section, Section)
    assert str(section.answer).startswith("It is not ready yet")


def test_it_is_made_once_and_kept(
    study: Callable[..., Study],
    runs: list[Path],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    empty_pictures: None,
) -> None:
    asked = study()
    place: Any = SimpleNamespace(folder=tmp_path, finished=lambda run: runs[run.seed])
    (first,) = measured(asked, list(planned(asked)), place)
    (folder,) = (tmp_path / "ensembles").glob("three-*")
    assert (folder / "checkpoints/ensemble.ckpt").is_file()
    assert (folder / "predictions.csv").is_file()
    monkeypatch.setattr("multitask.ensembles.of_study.scores_of", None)
    (again,) = measured(asked, list(planned(asked)), place)
    assert again.scores.equals(first.scores)


@pytest.mark.parametrize("shape", [(8, 12), (9, 13), (3, 3)])
def test_shuffled_images_have_the_same_pixels(shape: tuple[int, int]) -> None:
    images, place = torch.rand(5, 2, *shape), torch.arange(5)
    found = shuffled_patches(images, place)
    assert_close(found.flatten(2).sort().values, images.flatten(2).sort().values)
    assert (found != images).any() == (min(shape) >= PARTS)
    assert_close(shuffled_patches(images[2:3], place[2:3]), found[2:3])


def test_the_area_is_sklearns() -> None:
    ones, others = torch.randn(30).round(decimals=1) + 1, torch.randn(40).round(decimals=1)
    truth = [1] * 30 + [0] * 40
    assert auroc(ones, others) == pytest.approx(roc_auc_score(truth, torch.cat([ones, others])))
