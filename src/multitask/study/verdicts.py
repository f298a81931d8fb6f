"""The tasks in which a method is better or worse than another, in one sentence per method."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import pandas as pd

from multitask.pages.words import counted, in_words, listed
from multitask.study.plan import SINGLE_TASK
from multitask.study.results import Results
from multitask.study.statistics import LEAST_SEEDS

SIGNIFICANT = 0.05


@dataclass
class Verdict:
    """Results of the tests of one method against another.

    Args:
        method: the method.
        other: the method that it is compared with.
        better: tasks in which it is significantly better.
        worse: tasks in which it is significantly worse.
        unclear: tasks whose difference may be due to chance.
        ahead: tasks without a test in which its mean is better.
        behind: tasks without a test in which its mean is worse or equal.
    """

    method: str
    other: str
    better: list[str] = field(default_factory=list)
    worse: list[str] = field(default_factory=list)
    unclear: list[str] = field(default_factory=list)
    ahead: list[str] = field(default_factory=list)
    behind: list[str] = field(default_factory=list)

    @property
    def is_tested(self) -> bool:
        """Whether any task was tested."""
        return bool(self.better or self.worse or self.unclear)

    @property
    def sentence(self) -> str:
        """For example ``equal weights: no task better than alone, two worse (angle, scale)``."""
        is_alone = self.other == SINGLE_TASK
        name = self.method if is_alone else f"{self.method} against {self.other}"
        than = " than alone" if is_alone else ""
        if self.is_tested:
            parts = [
                _tasks(self.better, f"better{than}"),
                _others(self.worse, "worse"),
                *([f"{in_words(len(self.unclear))} unclear"] if self.unclear else []),
            ]
            if rest := len(self.ahead + self.behind):
                parts.append(f"{in_words(rest)} not tested")
        elif self.ahead or self.behind:
            parts = [_tasks(self.ahead, f"better{than}"), _others(self.behind, "not")]
            parts.append("not tested")
        else:
            parts = ["nothing to compare"]
        return f"{name}: {', '.join(parts)}"


def verdicts(
    results: Results, table: pd.DataFrame, pairs: Sequence[tuple[str, str]]
) -> list[Verdict]:
    """Read the verdicts from a table of differences.

    Args:
        results: results of the study.
        table: table of `multitask.study.comparison.differences`.
        pairs: pairs of methods, including those that the table lacks.
    """
    found = {pair: Verdict(*pair) for pair in pairs}
    for _, row in table.iterrows():
        verdict, task = found[row["method"], row["other"]], str(row["task"])
        if row["difference"] != row["difference"]:
            continue
        is_better = (row["difference"] > 0) == results.higher_is_better[task]
        is_better &= row["difference"] != 0
        if row["p Holm"] != row["p Holm"]:
            (verdict.ahead if is_better else verdict.behind).append(task)
        elif row["p Holm"] < SIGNIFICANT:
            (verdict.better if is_better else verdict.worse).append(task)
        else:
            verdict.unclear.append(task)
    return list(found.values())


def against_alone(found: Sequence[Verdict], seeds: int) -> str:
    """One sentence that compares all methods with training each task alone.

    Args:
        found: a verdict for each method, at least one.
        seeds: number of seeds.
    """
    if untested := _untested(found, seeds):
        return untested
    if len(found) == 1:
        return f"{found[0].sentence}."
    tested = [each for each in found if each.is_tested]
    groups = {
        "better in some task and worse in none": [
            each for each in tested if each.better and not each.worse
        ],
        "better in some tasks and worse in others": [
            each for each in tested if each.better and each.worse
        ],
        "worse in some task and better in none": [
            each for each in tested if each.worse and not each.better
        ],
        "not clearly better or worse in any": [
            each for each in tested if not each.better and not each.worse
        ],
    }
    parts = [
        f"{listed(each.method for each in members)} {'is' if len(members) == 1 else 'are'} {words}"
        for words, members in groups.items()
        if members
    ]
    return f"{'; '.join(parts)}."


def against_each_other(found: Sequence[Verdict], seeds: int) -> str:
    """One sentence on the pairs of methods that the study compares.

    Args:
        found: a verdict for each pair, at least one.
        seeds: number of seeds.
    """
    if untested := _untested(found, seeds):
        return untested
    if len(found) == 1:
        return f"{found[0].sentence}."
    clear = [f"{each.method} against {each.other}" for each in found if each.better or each.worse]
    if not clear:
        return f"None of the {len(found)} comparisons shows a clear difference."
    of = f"{len(clear)} of {counted(len(found), 'comparison')}"
    return f"{of} {'shows' if len(clear) == 1 else 'show'} a clear difference: {listed(clear)}."


def _untested(found: Sequence[Verdict], seeds: int) -> str:
    if any(each.is_tested for each in found):
        return ""
    if not any(each.ahead or each.behind for each in found):
        return "There are no two results to compare."
    if len(found) == 1 and seeds < LEAST_SEEDS:
        few = "a test needs at least three seeds"
        return f"{found[0].sentence.removesuffix(', not tested')}; {few}, and there {_are(seeds)}."
    if seeds < LEAST_SEEDS:
        few = "that needs at least three seeds"
        return f"No difference can be tested: {few}, and there {_are(seeds)}."
    return "No difference can be tested: too few seeds have both results, or they never vary."


def _are(seeds: int) -> str:
    return "is one" if seeds == 1 else f"are {in_words(seeds)}"


def _tasks(tasks: Sequence[str], what: str) -> str:
    noun = "task" if len(tasks) < 2 else "tasks"
    return f"{in_words(len(tasks))} {noun} {what}{_named(tasks)}"


def _others(tasks: Sequence[str], what: str) -> str:
    return f"{in_words(len(tasks), 'none')} {what}{_named(tasks)}"


def _named(tasks: Sequence[str]) -> str:
    return f" ({', '.join(tasks)})" if len(tasks) in range(1, 6) else ""
