"""What a study's report says at the top of each section, and how a browser shows it."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest
import yaml
from browser import Visit
from pages.hostile_names import HOSTILE

from multitask.study import answers
from multitask.study.comparison import between_methods, differences
from multitask.study.plan import SINGLE_TASK, Method, Study
from multitask.study.report import write_report
from multitask.study.results import Results
from multitask.study.verdicts import against_alone, against_each_other, verdicts

Values = dict[str, dict[str, list[float]]]
Make = Callable[..., Results]

ALONE = {"kind": [0.5, 0.6, 0.7], "size": [2.0, 4.0, 3.0]}
# Clearly better in the first, clearly worse in the second, of which less is better.
MIXED = {"kind": [0.6, 0.701, 0.799], "size": [3.0, 5.01, 3.99]}
WORSE = {"kind": [0.41, 0.5, 0.599], "size": [3.0, 5.01, 3.99]}
SAME = {"kind": [0.51, 0.59, 0.71], "size": [2.1, 3.9, 3.1]}
BETTER = {"kind": [0.6, 0.701, 0.799], "size": [1.0, 3.01, 1.99]}


@pytest.fixture
def make(tmp_path: Path) -> Make:
    """Results of methods by name, each with a value for each seed and task."""

    def results(
        values: Values, comparisons: tuple[tuple[str, str], ...] = (), planned: tuple[str, ...] = ()
    ) -> Results:
        tasks = list(dict.fromkeys(task for each in values.values() for task in each)) or ["kind"]
        path = tmp_path / "experiment.yaml"
        path.write_text(yaml.safe_dump({"model": {"tasks": dict.fromkeys(tasks)}}))
        seeds = list(range(max([1, *(len(v) for each in values.values() for v in each.values())])))
        methods = {name: Method() for name in values if name != SINGLE_TASK}
        study = Study(str(path), seeds, methods, comparisons=[list(p) for p in comparisons])
        scores = [
            {"method": name, "part": "", "seed": seed, "task": task, "value": value}
            for name, by_task in values.items()
            for task, by_seed in by_task.items()
            for seed, value in enumerate(by_seed)
        ]
        runs = [
            {"method": name, "part": "", "seed": seed, "reason": "", "folder": "", "state": state}
            for names, state in ((values, "finished"), (planned, "failed"))
            for name in names
            for seed in seeds
        ]
        cost = {"steps": 1, "forward_passes": 1, "backward_passes": 1}
        costs = [
            {**cost, "method": name, "part": "", "seed": seed, "seconds": 2.0 + place}
            | {"parameters": 10, "peak_memory": 2**20}
            for place, name in enumerate(values)
            for seed in seeds
        ]
        columns = ["method", "part", "seed", "task", "value"]
        return Results(
            study,
            {task: "r2" if task == "kind" else "mae" for task in tasks},
            {task: task == "kind" for task in tasks},
            pd.DataFrame(scores, columns=columns),
            pd.DataFrame(columns=[*columns, "metric", "higher_is_better"]),
            pd.DataFrame(costs),
            pd.DataFrame(runs),
        )

    return results


def alone(results: Results) -> tuple[str, list[str]]:
    methods = [name for name in results.methods if name != SINGLE_TASK]
    found = verdicts(results, differences(results), [(name, SINGLE_TASK) for name in methods])
    return against_alone(found, len(results.study.seeds)), [each.sentence for each in found]


def test_each_method_is_judged_in_a_sentence(make: Make) -> None:
    values = {SINGLE_TASK: ALONE, "m": MIXED, "w": WORSE, "s": SAME, "b": BETTER}
    answer, sentences = alone(make(values))
    assert sentences == [
        "m: one task better than alone (kind), one worse (size)",
        "w: no task better than alone, two worse (kind, size)",
        "s: no task better than alone, none worse, two unclear",
        "b: two tasks better than alone (kind, size), none worse",
    ]
    assert answer == (
        "b is better in some task and worse in none; m is better in some tasks and worse in "
        "others; w is worse in some task and better in none; s is not clearly better or worse in "
        "any."
    )


@pytest.mark.parametrize(
    ("values", "answer"),
    [
        ({"m": MIXED}, "m: one task better than alone (kind), one worse (size)."),
        (
            {"m": {"kind": MIXED["kind"]}},
            "m: one task better than alone (kind), none worse.",
        ),
        (
            {"m": {task: each[:2] for task, each in MIXED.items()}},
            "m: one task better than alone (kind), one not (size); a test needs at least three "
            "seeds, and there are two.",
        ),
        (
            {"m": {"kind": [0.6]}, "w": {"kind": [0.4]}},
            "No difference can be tested: that needs at least three seeds, and there is one.",
        ),
    ],
)
def test_one_method_one_task_and_few_seeds_are_told_honestly(
    make: Make, values: Values, answer: str
) -> None:
    seeds = len(next(iter(next(iter(values.values())).values())))
    tasks = next(iter(values.values()))
    single = {task: ALONE[task][:seeds] for task in tasks}
    assert alone(make({SINGLE_TASK: single, **values}))[0] == answer


def test_a_seed_without_a_result_leaves_a_task_untested(make: Make) -> None:
    nan = float("nan")
    values = {SINGLE_TASK: ALONE, "m": {"kind": MIXED["kind"], "size": [3.0, nan, nan]}}
    answer, _ = alone(make(values))
    assert answer == "m: one task better than alone (kind), none worse, one not tested."
    values["m"]["kind"] = [nan] * 3
    answer, sentences = alone(make(values))
    assert answer.startswith("No difference can be tested: too few seeds have both results")
    assert sentences == ["m: no task better than alone, one not (size), not tested"]


def test_pairs_are_judged_as_methods_are(make: Make) -> None:
    pairs = [("m", "w"), ("m", "gone"), ("s", SINGLE_TASK)]
    results = make({SINGLE_TASK: ALONE, "m": MIXED, "w": WORSE, "s": SAME, "gone": {}}, (*pairs,))
    found = verdicts(results, between_methods(results), pairs)
    assert [each.sentence for each in found] == [
        "m against w: one task better (kind), none worse, one unclear",
        "m against gone: nothing to compare",
        "s: no task better than alone, none worse, two unclear",
    ]
    assert against_each_other(found, 3) == (
        "1 of 3 comparisons shows a clear difference: m against w."
    )
    assert against_each_other(found[1:2], 3) == "There are no two results to compare."
    assert against_each_other(found[2:] * 2, 3) == (
        "None of the 2 comparisons shows a clear difference."
    )


@pytest.mark.parametrize(
    ("values", "answer"),
    [
        (
            {SINGLE_TASK: ALONE, "b": BETTER, "w": WORSE},
            r"b gains most over training each task alone \(\+26.6 ± 18.6 % on average over",
        ),
        (
            {SINGLE_TASK: ALONE, "w": WORSE, "m": MIXED},
            r"No method gains over training each task alone; m comes closest \(.*\)\.",
        ),
        (
            {SINGLE_TASK: ALONE, "s": SAME},
            r"s is worse than training each task alone \(.*, which may be",
        ),
        (
            {SINGLE_TASK: {"kind": [0.5]}, "b": {"kind": [0.6]}},
            r"b is better .* \(\+20.0 % on average over its tasks, without an interval,",
        ),
        ({"a": {"kind": [0.5]}}, r"Only a has a result: kind r2 0.500\."),
        ({"a": {"kind": [0.5]}, "b": {"kind": [0.6]}}, r"b has the best kind r2: 0.600\."),
        (
            {"a": ALONE, "b": WORSE},
            r"a has the best mean rank over 2 tasks, 1 of 2\.",
        ),
        ({"a": ALONE, "b": ALONE}, r"a and b share the best mean rank, 1.5\."),
        (
            {"a": {"kind": [0.5]}, "b": {"size": [0.5]}},
            r"No method trains all tasks, so they cannot be ranked\.",
        ),
        ({SINGLE_TASK: ALONE}, r"Only single task has a result: kind r2 0.600 and size mae 3.00"),
    ],
)
def test_the_best_method_is_named(make: Make, values: Values, answer: str) -> None:
    assert re.match(answer, answers.of_scores(make(values)))


@pytest.mark.parametrize(
    ("values", "answer"),
    [
        (
            {SINGLE_TASK: ALONE, "a": SAME},
            "A seed of a takes 1.5 times as long as all single-task networks together.",
        ),
        ({"a": ALONE}, "A seed of a takes 2.00 s."),
        ({"a": ALONE, "b": SAME}, "A seed takes between 2.00 s (a) and 3.00 s (b)."),
        (
            {SINGLE_TASK: ALONE},
            "With one seed, all single-task networks together take 2.00 s.",
        ),
    ],
)
def test_costs_are_told_as_there_is_something_to_compare(
    make: Make, values: Values, answer: str
) -> None:
    assert answers.of_costs(make(values)) == answer


@pytest.mark.parametrize(
    ("values", "answer"),
    [
        ({"a": BETTER, "b": ALONE}, "a is at least as good as every other method in all tasks."),
        ({"a": MIXED, "b": ALONE}, "No method beats another in all tasks."),
        (
            {"a": MIXED, "b": ALONE, "w": WORSE},
            "Nothing beats a and b: no other method is at least as good in all tasks and better in "
            "one.",
        ),
        ({"a": ALONE}, "Only a has a result in all tasks."),
        ({"a": {"kind": [1]}, "b": {"size": [1]}}, "No method has a result in all tasks."),
    ],
)
def test_trade_offs_are_told(make: Make, values: Values, answer: str) -> None:
    assert answers.of_trade_offs(make(values)) == answer


def test_affinities_are_told_with_their_signs() -> None:
    nan = float("nan")
    names = ["kind", "size"]
    tell = answers.of_affinities
    table = pd.DataFrame([[nan, 18.3], [-25.0, nan]], names, names)
    assert tell(table) == "size helps kind most (+18 %), and kind harms size most (-25 %)."
    assert tell(table.abs()) == "kind helps size most (+25 %), and no task harms another."
    assert tell(-table.abs()) == "No task helps another, and kind harms size most (-25 %)."
    assert tell(table.abs() * nan) == "No two tasks were compared."
    assert tell(table * -1, "By this estimate, ").startswith("By this estimate, kind helps size")


def test_logs_tell_of_budgets_and_conflicts(make: Make, tmp_path: Path) -> None:
    results = make({"a": ALONE})
    assert "not known whether training" in answers.of_learning(results)
    assert answers.of_gradients(results) == "No run has logged gradients."
    for place, (scores, cosine) in enumerate([([1, 2], 0.2), ([2, 1], -0.3), ([1], -0.1)]):
        rows = [f"{epoch},{epoch},val/score,{score}" for epoch, score in enumerate(scores)]
        rows.append(f"0,0,gradients/kind-size/cosine,{cosine}")
        folder = tmp_path / f"run-{place}"
        folder.mkdir()
        (folder / "metrics.csv").write_text("\n".join(["step,epoch,name,value", *rows]))
        results.runs.loc[place, "folder"] = str(folder)
    assert answers.of_learning(results).startswith("1 of 2 runs had the best val/score at the last")
    assert answers.of_gradients(results) == (
        "kind and size conflict most: the mean cosine of their gradients is -0.067."
    )


def test_a_report_without_the_baseline_says_so(make: Make, tmp_path: Path) -> None:
    write_report(make({"m": MIXED}, planned=(SINGLE_TASK,)), tmp_path, {})
    text = (tmp_path / "report.md").read_text()
    assert "6 runs with 3 seeds: 3 finished, 3 failed." in text
    title = "## Compared with training each task alone"
    assert f"{title}\n\nNo task that was trained alone has a result." in text
    assert "3 of 6 runs have no result: 3 failed." in text


def test_every_section_of_a_report_begins_with_its_answer_in_a_browser(
    make: Make, tmp_path: Path, visit: Callable[..., Visit]
) -> None:
    names = [name for name in HOSTILE[:4] if name.isprintable()]
    values = {SINGLE_TASK: ALONE, **dict(zip(names, [MIXED, WORSE, SAME, BETTER], strict=False))}
    pairs = ((names[0], names[1]), (names[2], names[3]))
    page = write_report(make(values, pairs), tmp_path, {"m, seed 0": ["fit", f"--x={names[0]}"]})
    for width in (400, 1280):
        found = visit(page.as_uri(), width=width)
        assert found.complaints == []
        assert len(found.requests) == 1
        titles = found.page.locator("main h2")
        assert titles.all_inner_texts() == found.page.locator("nav a").all_inner_texts()
        assert found.page.locator("main h2 + p.answer").count() == titles.count() > 5
        assert found.page.locator("img").count() == len(list((tmp_path / "figures").iterdir()))
        assert found.page.evaluate("document.documentElement.scrollWidth") <= width
