"""Which runs a study takes, and when two are the same."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from multitask.errors import InputError
from multitask.study.plan import SINGLE_TASK, Method, Study, Tuning, planned, variants
from multitask.study.study_file import make_study
from multitask.study.tuning import chosen, trials

TASKS = {
    "kind": {"class_path": "Classification"},
    "size": {"class_path": "Regression"},
    "place": {"class_path": "Regression"},
}


@pytest.fixture
def experiment(tmp_path: Path) -> str:
    config = {"model": {"tasks": TASKS, "balancer": "FixedWeights"}, "trainer": {"max_epochs": 3}}
    path = tmp_path / "experiment.yaml"
    path.write_text(yaml.safe_dump(config, sort_keys=False))
    return str(path)


def study(experiment: str, **options: Any) -> Study:
    methods = {"all": Method(), "two": Method(tasks=["kind", "size"])}
    defaults: dict[str, Any] = {"seeds": [3, 4], "methods": methods}
    return Study(experiment, **(defaults | options))


def test_every_task_is_trained_alone_without_the_experiments_balancer(experiment: str) -> None:
    runs = [run for run in planned(study(experiment)) if run.method == SINGLE_TASK]
    assert [(run.seed, run.part) for run in runs] == [
        (seed, task) for seed in (3, 4) for task in TASKS
    ]
    for run in runs:
        assert run.config["model"] == {"tasks": {run.part: TASKS[run.part]}}
        assert run.config["trainer"] == {"max_epochs": 3}


def test_a_task_that_is_trained_alone_teaches(experiment: str) -> None:
    config = yaml.safe_load(Path(experiment).read_text())
    config["model"]["tasks"]["kind"]["init_args"] = {"num_classes": 3, "teaches": 0}
    Path(experiment).write_text(yaml.safe_dump(config, sort_keys=False))
    runs = list(planned(study(experiment, seeds=[3])))
    of_kind = [run.config["model"]["tasks"].get("kind", {}).get("init_args") for run in runs]
    plain, given = {"num_classes": 3}, {"num_classes": 3, "teaches": 0}
    assert of_kind == [plain, None, None, given, given]


def test_a_method_has_its_tasks_and_settings(experiment: str) -> None:
    changed = Method(["place"], settings={"trainer.max_epochs": 9})
    asked = study(experiment, methods={"one": changed}, settings={"seed": 1})
    run = next(run for run in planned(asked) if run.method == "one")
    assert list(run.config["model"]["tasks"]) == ["place"]
    assert run.config["model"]["balancer"] == "FixedWeights"
    assert run.settings == {"seed": 1, "trainer.max_epochs": 9}


def test_a_methods_balancer_replaces_the_experiments(experiment: str) -> None:
    own = {"model.balancer": {"class_path": "GradNorm"}}
    asked = study(experiment, methods={"one": Method(settings=own)})
    run = next(run for run in planned(asked) if run.method == "one")
    assert "balancer" not in run.config["model"]
    assert run.settings == own


def test_runs_have_places_of_their_own_that_change_with_the_configuration(experiment: str) -> None:
    before = [run.place for run in planned(study(experiment))]
    assert len(set(before)) == len(before) == 10
    assert before == [run.place for run in planned(study(experiment))]
    other = [run.place for run in planned(study(experiment, settings={"x": 1}))]
    assert not set(before) & set(other)
    path = Path(experiment)
    path.write_text(path.read_text().replace("max_epochs: 3", "max_epochs: 4"))
    assert not set(before) & {run.place for run in planned(study(experiment))}


def test_a_study_is_repeated_with_other_settings_in_folders_of_their_own(experiment: str) -> None:
    asked = study(experiment, settings={"a": 1}, vary={"few": {"b": 2}, "many": {"a": 3}})
    found = variants(asked)
    assert {name: each.settings for name, each in found.items()} == {
        "few": {"a": 1, "b": 2},
        "many": {"a": 3},
    }
    assert [each.name for each in found.values()] == ["study/few", "study/many"]
    assert list(variants(study(experiment)).values()) == [study(experiment)]


def test_trials_are_drawn_once_and_for_all_within_bounds(experiment: str) -> None:
    asked = study(experiment, tuning=Tuning(trials=30, lowest=0.5, highest=2.0))
    weights = [run.settings for run in trials(asked)]
    assert weights == [run.settings for run in trials(asked)]
    assert set(weights[0].values()) == {1.0}
    drawn = [value for each in weights[1:] for value in each.values()]
    assert len(set(drawn)) == len(drawn) == 29 * 3
    assert 0.5 <= min(drawn) < 0.6
    assert 1.8 < max(drawn) <= 2.0
    # As many halve a task as double it.
    assert 0.3 < sum(value < 1 for value in drawn) / len(drawn) < 0.7
    assert {run.seed for run in trials(asked)} == {3}
    assert not any(run.tests for run in trials(asked))


def test_the_trial_with_the_best_score_is_trained_with_all_seeds(experiment: str) -> None:
    asked = study(experiment, tuning=Tuning(trials=4))
    finals = list(chosen(asked, {0: 0.2, 2: 0.9, 3: 0.5}))
    assert [run.seed for run in finals] == [3, 4]
    assert all(run.settings == list(trials(asked))[2].settings and run.tests for run in finals)
    assert list(chosen(asked, {})) == []


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"seeds": [1, 1]}, "seeds has"),
        ({"seeds": []}, "seeds has"),
        ({"methods": {"single task": Method()}}, "'single task' is always there"),
        ({"methods": {"a b": Method(), "A-b": Method()}}, "only in special characters"),
        ({"comparisons": [["all", "tow"]]}, "there is no 'tow'; did you mean 'two'"),
        ({"metrics": {"sise": "mae"}}, "there is no task 'sise'; did you mean 'size'"),
        ({"further_metrics": {"sise": ["mae"]}}, "further_metrics: there is no task 'sise'"),
        ({"tuning": Tuning(lowest=2.0, highest=1.0)}, "lowest must be"),
    ],
)
def test_studies_that_cannot_be(experiment: str, options: dict[str, Any], says: str) -> None:
    with pytest.raises(InputError, match=says):
        study(experiment, **options)


@pytest.mark.parametrize(
    "key", ["experiment", "seeds", "tuning", "metrics", "comparisons", "ensembles", "name"]
)
def test_a_key_without_a_value_is_told(experiment: str, key: str) -> None:
    content = {"experiment": experiment, "seeds": [1], "methods": {}, key: None}
    places = {each: f"a.yaml:{line}" for line, each in enumerate(content, 1)}
    with pytest.raises(InputError, match=rf"^a.yaml:[1-4]: {key}: it is empty; write its value"):
        make_study(Path("a.yaml"), content, places)


def test_a_method_with_a_task_that_is_not_there(experiment: str) -> None:
    asked = study(experiment, methods={"odd": Method(tasks=["knd"])})
    with pytest.raises(InputError, match="no task 'knd'; did you mean 'kind'"):
        list(planned(asked))


def test_an_experiment_that_is_not_there() -> None:
    with pytest.raises(InputError, match=r"nowhere.yaml cannot be read"):
        study("nowhere.yaml", metrics={"a": "b"})


def test_tasks_that_are_left_count_where_none_else_would(tmp_path: Path) -> None:
    tasks = {
        name: {**each, "init_args": {"counts": name == "kind"}} for name, each in TASKS.items()
    }
    path = tmp_path / "experiment.yaml"
    path.write_text(yaml.safe_dump({"model": {"tasks": tasks}}, sort_keys=False))
    for run in planned(
        study(str(path), methods={"all": Method(), "rest": Method(["size", "place"])})
    ):
        settings = [each["init_args"] for each in run.config["model"]["tasks"].values()]
        counts = [each.get("counts", True) for each in settings]
        assert counts == ([True, False, False] if run.method == "all" else [True] * len(counts))
