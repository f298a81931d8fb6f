"""Metrics under attack and on corrupted images in a study: named, and measured by each run."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from multitask.errors import InputError
from multitask.study.plan import Method, Study, planned
from multitask.study.results import _measured
from multitask.study.study_file import check_metrics

DIGITS = str(Path(__file__).parents[2] / "configs/experiment/digits.yaml")
ATTACK = {"class_path": "multitask.robustness.Attack", "init_args": {"eps": 0.02}}
CALLBACK = {
    "class_path": "multitask.callbacks.RobustEvaluation",
    "init_args": {"attacks": [ATTACK], "corruptions": {"blur": [0.1]}},
}


def study(metrics: list[str], settings: Any = None, **method: Any) -> Study:
    given = {"trainer.callbacks": [CALLBACK]} if settings is None else settings
    methods = {"all": Method(settings=method)}
    return Study(DIGITS, [0], methods, given, further_metrics={"digit": metrics})


def checked(made: Study) -> None:
    check_metrics(made, list(planned(made)))


def test_what_the_runs_log_can_be_shown() -> None:
    known = ["f1", "robust/inf-0.02/accuracy", "corrupted/accuracy", "corrupted/blur-1/auroc"]
    checked(study(known))
    checked(study(known, {"trainer.callbacks+": CALLBACK}))


@pytest.mark.parametrize(
    ("made", "words"),
    [
        (study(["robust/inf-0.2/accuracy"]), "'robust/inf-0.2'; did you mean 'robust/inf-0.02'"),
        (study(["robust/inf-0.02/acuracy"]), "has no 'acuracy'; did you mean 'accuracy'"),
        (study(["corrupted/blur-2/f1"]), "did you mean 'corrupted/blur-1'"),
        (study(["corrupted/f1"], {}), "the run single task, digit, seed 0 does not measure"),
        (
            study(["corrupted/f1"], **{"trainer.callbacks": []}),
            "the run all, seed 0 does not measure 'corrupted'; add the callback RobustEvaluation",
        ),
    ],
)
def test_what_a_run_would_not_log_is_refused(made: Study, words: str) -> None:
    with pytest.raises(InputError, match=words):
        checked(made)


def test_values_and_directions_are_read_by_the_tasks_own_name() -> None:
    summary = {
        "metrics": {"test/robust/inf-0.02/size/mae": 3.0, "test/corrupted/size/mae": 2.0},
        "higher_is_better": {"test/size/mae": False},
    }
    assert _measured(summary, "size", "robust/inf-0.02/mae") == (3.0, False)
    assert _measured(summary, "size", "corrupted/mae") == (2.0, False)


def test_what_has_no_better_end_is_shown_and_not_compared() -> None:
    methods = {"all": Method()}
    for made in (
        Study(DIGITS, [0], methods, further_metrics={"glyph": ["coverage"]}),
        Study(DIGITS, [0], methods, metrics={"glyph": "coverage"}),
    ):
        runs = list(planned(made))
        for each in runs:
            tasks = each.config["model"]["tasks"]
            if "glyph" in tasks:
                tasks["glyph"]["class_path"] = "multitask.tasks.QuantileRegression"
        if made.further_metrics:
            check_metrics(made, runs)
            continue
        with pytest.raises(InputError, match="'glyph' cannot be compared by 'coverage'"):
            check_metrics(made, runs)
