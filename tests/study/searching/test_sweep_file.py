"""A W&B sweep file is read as W&B reads it, and what cannot be done is refused."""

from __future__ import annotations

import math
import random
from pathlib import Path
from typing import Any

import pytest
import yaml

from multitask.cli.arguments import prepare
from multitask.cli.check import check_arguments
from multitask.errors import InputError
from multitask.study.searching.parameters import Normal, Real, Values, Whole
from multitask.study.searching.sweep_file import EarlyStop, Metric, SweepFile, read_sweep_file
from multitask.study.searching.trial_run import typical_arguments

ROOT = Path(__file__).parents[3]
OFFERED = sorted(ROOT.glob("configs/sweep/*.yaml"))
COMMAND = ["${env}", "${interpreter}", "-m", "multitask", "fit", "--config=x.yaml", "${args}"]
WHOLE = {
    "method": "random",
    "run_cap": 3,
    "metric": {"name": "val/score", "goal": "maximize"},
    "parameters": {"lr": {"values": [1, 2]}},
    "command": COMMAND,
}


class Drawing:
    """In the place of Optuna's trial: random numbers, as Optuna draws them."""

    def __init__(self) -> None:
        self.random = random.Random(0)

    def suggest_categorical(self, name: str, choices: list[int]) -> int:
        return self.random.choice(choices)

    def suggest_int(self, name: str, low: int, high: int) -> int:
        return self.random.randint(low, high)

    def suggest_float(self, name: str, low: float, high: float, *, log: bool = False) -> float:
        if log:
            return math.exp(self.random.uniform(math.log(low), math.log(high)))
        return self.random.uniform(low, high)


def read(**changes: Any) -> SweepFile:
    """A file with changes; what is None is left out."""
    content = {key: each for key, each in (WHOLE | changes).items() if each is not None}
    Path("sweep.yaml").write_text(yaml.safe_dump(content))
    return read_sweep_file(Path("sweep.yaml"))


def drawn(parameter: dict[str, Any], count: int = 2000) -> list[Any]:
    """Values of a parameter."""
    (found,) = read(parameters={"lr": parameter}).parameters.values()
    trial = Drawing()
    return [found.drawn(trial, "lr") for _ in range(count)]


@pytest.fixture(autouse=True)
def _own_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


@pytest.mark.parametrize(
    "path", sorted(ROOT.glob("configs/sweep/*.yaml")), ids=lambda each: each.stem
)
def test_sweeps_of_the_project_are_read(path: Path) -> None:
    sweep = read_sweep_file(path)
    assert sweep.name == path.stem
    assert sweep.metric == Metric("val/score", is_maximised=True)
    assert sweep.before[0] == "fit"
    # Also in a folder without configs.
    check_arguments(prepare(typical_arguments(sweep)))


def test_grid_has_each_combination() -> None:
    parameters = {"a": {"values": [1, None]}, "b": {"min": 1, "max": 3}, "c": {"value": 5}}
    assert read(method="grid", run_cap=None, parameters=parameters).cap == 6
    assert read(method="grid", run_cap=4, parameters=parameters).cap == 4


def test_kind_of_distribution_follows_from_what_is_given() -> None:
    parameters = {
        "a": {"values": [[1], {"b": 2}, None]},
        "b": {"min": 1, "max": 3},
        "c": {"min": 1, "max": 3.0},
        "d": {"mu": 1, "sigma": 2},
        "e": {"value": 5},
        "f": {"parameters": {"g": {"parameters": {"h": {"value": True}}}}},
    }
    assert read(parameters=parameters).parameters == {
        "a": Values([[1], {"b": 2}, None]),
        "b": Whole(1, 3),
        "c": Real(1, 3.0),
        "d": Normal(1, 2),
        "e": Values([5]),
        "f.g.h": Values([True]),
    }


@pytest.mark.parametrize(
    ("parameter", "low", "high", "median", "quartile"),
    [
        ({"distribution": "uniform", "min": 2, "max": 4}, 2, 4, 3, 2.5),
        ({"distribution": "int_uniform", "min": 2, "max": 4}, 2, 4, 3, 2),
        ({"distribution": "log_uniform_values", "min": 0.01, "max": 1}, 0.01, 1, 0.1, 0.0316),
        ({"distribution": "inv_log_uniform_values", "min": 0.01, "max": 1}, 0.01, 1, 0.1, 0.0316),
        ({"distribution": "log_uniform", "min": 0, "max": 2}, 1, math.e**2, math.e, math.e**0.5),
        (
            {"distribution": "inv_log_uniform", "min": 0, "max": 2},
            math.e**-2,
            1,
            1 / math.e,
            math.e**-1.5,
        ),
        ({"distribution": "normal", "mu": 3, "sigma": 2}, -math.inf, math.inf, 3, 1.65),
        ({"distribution": "log_normal", "mu": 1, "sigma": 2}, 0, math.inf, math.e, 0.705),
    ],
    ids=lambda each: each["distribution"] if isinstance(each, dict) else "",
)
def test_distribution(
    parameter: dict[str, Any], low: float, high: float, median: float, quartile: float
) -> None:
    values = sorted(drawn(parameter))
    assert low <= values[0] <= values[-1] <= high
    assert values[len(values) // 2] == pytest.approx(median, rel=0.15)
    assert values[len(values) // 4] == pytest.approx(quartile, rel=0.15)


def test_quantized_values_are_multiples() -> None:
    tenths = {"distribution": "q_uniform", "min": 0, "max": 1, "q": 0.1}
    assert set(drawn(tenths)) == {each / 10 for each in range(11)}
    ones = {"distribution": "q_log_uniform_values", "min": 1, "max": 3}
    assert set(drawn(ones)) == {1, 2, 3}
    twos = {"distribution": "q_normal", "mu": 0, "sigma": 1, "q": 2}
    assert {-2, 0, 2} <= set(drawn(twos)) <= {-4, -2, 0, 2, 4}


def test_probabilities_are_kept() -> None:
    values = drawn({"values": ["a", "b", "c"], "probabilities": [0.7, 0, 0.3]})
    assert values.count("a") / len(values) == pytest.approx(0.7, abs=0.04)
    assert values.count("b") == 0


@pytest.mark.parametrize(
    ("early", "expected"),
    [
        ({"min_iter": 2}, EarlyStop(2, 3)),
        ({"min_iter": 2, "eta": 2}, EarlyStop(2, 2)),
        ({"max_iter": 27, "s": 2}, EarlyStop(3, 3)),
    ],
)
def test_hyperband(early: dict[str, Any], expected: EarlyStop) -> None:
    assert read(early_terminate={"type": "hyperband", **early}).early_stop == expected


def test_goal_is_least_by_default() -> None:
    metric = read(metric={"name": "val/digit/loss", "target": 0.1}).metric
    assert metric == Metric("val/digit/loss", is_maximised=False, target=0.1)
    assert metric.best([3, math.nan, 2]) == 2
    assert metric.is_reached(0.05)
    assert not metric.is_reached(0.2)


def test_command_may_name_variables(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FOLDER", "here")
    sweep = read(command=["multitask", "fit", "--run.root=${envvar:FOLDER}", "${args}", "--x=1"])
    assert (sweep.before, sweep.behind) == (["fit", "--run.root=here"], ["--x=1"])


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"job": "x"}, "sweep.yaml:9: 'job' is not supported"),
        ({"metod": "grid"}, "'metod' is not supported; did you mean 'method'?"),
        ({"method": None}, "sweep.yaml: method is missing"),
        ({"method": "grids"}, "method is 'grids'; did you mean 'grid'?"),
        ({"method": "bayes", "metric": None}, "metric, which ranks the trials, is missing"),
        ({"metric": {"goal": "maximize"}}, "metric needs a name"),
        ({"metric": {"name": "x", "goal": "max"}}, "goal is 'max'; give minimize or maximize"),
        ({"metric": {"name": "x", "impute": "worst"}}, "metric has no 'impute' here"),
        ({"run_cap": None}, "a random search needs run_cap, its number of trials"),
        ({"run_cap": 0}, "run_cap is 0; give a whole number, 1 or more"),
        ({"parameters": {}}, "parameters is empty"),
        ({"parameters": {"a": {}}}, "a is empty"),
        ({"parameters": {"a": {"values": []}}}, "give a list of at least one value"),
        ({"parameters": {"a": {"min": 1}}}, "a: uniform needs max"),
        ({"parameters": {"a": {"min": 2, "max": 1}}}, "a: min is 2, which is more than max, 1"),
        ({"parameters": {"a": {"min": 1, "max": 2, "q": 1}}}, "int_uniform does not accept 'q'"),
        ({"parameters": {"a": {"mu": 1, "sigma": 0}}}, "a: sigma is 0; give a number above 0"),
        ({"parameters": {"a": {"min": "1", "max": 2}}}, "a: min is '1'; give a number"),
        (
            {"parameters": {"a": {"distribution": "q_uniform", "min": 1, "max": 2, "q": 0}}},
            "a: q is 0; give a number above 0",
        ),
        (
            {"parameters": {"a": {"distribution": "beta"}}},
            "a: the distribution 'beta' is not supported",
        ),
        (
            {"parameters": {"a": {"distribution": "log_uniform_values", "min": 0, "max": 1}}},
            "a: min is 0, which has no logarithm",
        ),
        (
            {"parameters": {"a": {"values": [1, 2], "probabilities": [1]}}},
            "give a share for each value",
        ),
        (
            {"method": "grid", "parameters": {"a": {"min": 0.0, "max": 1.0}}},
            "a grid cannot have a; give it values",
        ),
        ({"early_terminate": {"type": "envelope"}}, "only hyperband is supported here"),
        ({"early_terminate": {"type": "hyperband"}}, "needs min_iter, or max_iter and s"),
        (
            {"early_terminate": {"type": "hyperband", "min_iter": 1, "strict": True}},
            "strict is not supported here",
        ),
        ({"command": ["python", "train.py", "${args}"]}, "command should run 'multitask fit'"),
        ({"command": COMMAND[:-1]}, "command should have ${args} once"),
        ({"command": [*COMMAND, "${args_json}"]}, "${args_json} is not supported here"),
        ({"command": [*COMMAND, "${envvar:NOT_SET}"]}, "variable NOT_SET is not set"),
        ({"name": "a/b"}, "name is 'a/b'"),
    ],
    ids=lambda each: str(each)[:40] if isinstance(each, str) else "",
)
def test_what_cannot_be_done_is_refused(changes: dict[str, Any], says: str) -> None:
    with pytest.raises(InputError) as refused:
        read(**changes)
    assert says in str(refused.value)
