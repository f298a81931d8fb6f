"""A study's report: Markdown with tables and figures, the same as one HTML file, and CSV."""

from __future__ import annotations

import base64
import html
import math
import re
import shlex
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd
import yaml
from markdown import markdown

from multitask.runs.folder import PROVENANCE
from multitask.study.comparison import (
    affinities,
    between_methods,
    costs,
    differences,
    further_scores,
    lookahead,
    scores,
)
from multitask.study.figures import draw
from multitask.study.plan import SINGLE_TASK, TUNED
from multitask.study.results import Results

REPORT = "report.html"
SIGNIFICANT = 0.05
STYLE = """
body { font-family: system-ui, sans-serif; max-width: 75rem; margin: 2rem auto; padding: 0 1rem; }
table { border-collapse: collapse; margin: 1rem 0; font-variant-numeric: tabular-nums; }
th, td { padding: 0.25rem 0.7rem; border-bottom: 1px solid #ddd; text-align: right; }
th:first-child, td:first-child { text-align: left; }
img { max-width: 100%; } code { font-size: 85%; overflow-wrap: anywhere; }
"""


def write_report(
    results: Results,
    folder: Path,
    commands: Mapping[str, Sequence[str]],
    opening: Sequence[str] = (),
) -> Path:
    """Write ``report.md``, ``report.html``, their figures and tables.

    Args:
        results: of the study.
        folder: the study's.
        commands: the arguments that reproduce each run, by its title.
        opening: lines of Markdown that come before the first table.

    Returns:
        The HTML file, which needs no other file.
    """
    figures: list[tuple[str, Path]] = []
    if results.methods:
        figures = draw(results, folder / "figures")
        _write_tables(results, folder)
    pictures = [(caption, path.relative_to(folder)) for caption, path in figures]
    text = "\n".join(_page(results, pictures, commands, opening)) + "\n"
    return write_page(text, folder, results.study.name)


def _write_tables(results: Results, folder: Path) -> None:
    by_method = {
        "scores": scores(results),
        "costs": costs(results),
        "affinities": affinities(results),
        "lookahead": lookahead(results),
    }
    for name, table in by_method.items():
        table.to_csv(folder / f"{name}.csv")
    rows = {
        "differences": differences(results),
        "comparisons": between_methods(results),
        "runs": results.runs,
        "values": results.scores,
    }
    if len(results.further):
        further_scores(results).to_csv(folder / "further_scores.csv")
        rows["further_values"] = results.further
    for name, table in rows.items():
        table.to_csv(folder / f"{name}.csv", index=False)


def write_page(text: str, folder: Path, title: str) -> Path:
    """Write ``report.md``, and ``report.html`` with its figures inside.

    Args:
        text: Markdown; figures are PNG files below the folder.
        folder: of the report.
        title: of the page.

    Returns:
        The HTML file.
    """
    (folder / "report.md").write_text(text, encoding="utf-8")
    page = folder / REPORT
    page.write_text(_self_contained(text, folder, title), encoding="utf-8")
    return page


def _page(
    results: Results,
    figures: Sequence[tuple[str, Path]],
    commands: Mapping[str, Sequence[str]],
    opening: Sequence[str],
) -> Iterator[str]:
    study, runs = results.study, results.runs
    yield f"# {study.name}\n"
    counts = runs["state"].value_counts()
    yield (
        f"{len(runs)} runs ({', '.join(f'{count} {state}' for state, count in counts.items())}); "
        f"seeds: {len(study.seeds)}. Every run has the budget that its configuration states; the "
        "best epoch is chosen by `val/score`; the test set is looked at once, by that epoch. ± is "
        "half of the 95 % interval over seeds (Student's t).\n"
    )
    yield from opening
    if not results.methods:
        yield "No run has been tested yet."
        return
    yield "## Test metrics\n"
    yield from _scores(results)
    if len(results.further):
        yield "\nMetrics that are not compared:\n"
        yield from _further_scores(results)
    if SINGLE_TASK in results.methods:
        yield "\n## Against single task\n"
        yield from _differences(results)
    if results.study.comparisons:
        yield "\n## Method against method\n"
        yield from _between_methods(results)
    for caption, path in figures:
        yield f"\n![{caption}]({path.as_posix()})\n\n*{caption}.*"
    yield "\n## Cost of one seed\n"
    yield from _costs(results)
    yield from _unfinished(results)
    yield "\n## Where it comes from\n"
    yield from _provenance(results, commands)


def _scores(results: Results) -> Iterator[str]:
    table = scores(results)
    heads = [f"{task} {results.metrics[task]} {_arrow(results, task)}" for task in results.tasks]
    rows = [
        [
            str(method),
            *(with_interval(row[task], row[f"{task} ±"]) for task in results.tasks),
            _number(row["rank"]),
        ]
        for method, row in table.iterrows()
    ]
    if SINGLE_TASK in results.methods:
        heads.append("Delta-m, %")
        for cells, (_, row) in zip(rows, table.iterrows(), strict=True):
            cells.insert(-1, with_interval(row["delta_m"], row["delta_m ±"], sign=True))
        yield from markdown_table(["", *heads, "mean rank"], rows)
        yield (
            "\nDelta-m is the mean over a method's tasks of the change of the metric above, in "
            "percent of the single-task networks of the same seed, positive where it is better. "
            "Ranks are among the methods that train all tasks."
        )
    else:
        yield from markdown_table(["", *heads, "mean rank"], rows)
        yield "\nRanks are among the methods that train all tasks."


def _further_scores(results: Results) -> Iterator[str]:
    table = further_scores(results)
    kinds = results.further.drop_duplicates(["task", "metric"])
    names = {
        f"{row['task']} {row['metric']}": "↑" if row["higher_is_better"] else "↓"
        for _, row in kinds.iterrows()
    }
    yield from markdown_table(
        ["", *(f"{name} {arrow}" for name, arrow in names.items())],
        [
            [str(method), *(with_interval(row[name], row[f"{name} ±"]) for name in names)]
            for method, row in table.iterrows()
        ],
    )


def _differences(results: Results) -> Iterator[str]:
    table = differences(results)
    cells = {(row["method"], row["task"]): row for _, row in table.iterrows()}
    methods = [method for method in results.methods if method != SINGLE_TASK]
    yield from markdown_table(
        ["", *(f"{task} {_arrow(results, task)}" for task in results.tasks)],
        [
            [method, *(_difference(cells.get((method, task))) for task in results.tasks)]
            for method in methods
        ],
    )
    yield (
        f"\nMean difference to the single-task network of the same seed; \\* where it differs "
        f"from 0 by a paired t-test, p < {SIGNIFICANT} after Holm's correction for the "
        f"{int(table['p'].notna().sum())} comparisons of this table. In brackets, the probability "
        "that a run of the method is better than a single-task run (ties half)."
    )


def _between_methods(results: Results) -> Iterator[str]:
    table = between_methods(results)
    cells = {(row["method"], row["other"], row["task"]): row for _, row in table.iterrows()}
    yield from markdown_table(
        ["", *(f"{task} {_arrow(results, task)}" for task in results.tasks)],
        [
            [f"{one} - {other}", *(_difference(cells.get((one, other, t))) for t in results.tasks)]
            for one, other in results.study.comparisons
        ],
    )
    yield (
        "\nThe first method's metric less the second's of the same seed; \\* as above, corrected "
        f"for the {int(table['p'].notna().sum())} comparisons of this table."
    )


def _difference(row: pd.Series[float] | None) -> str:
    if row is None:
        return ""
    star = "\\*" if row["p Holm"] < SIGNIFICANT else ""
    shown = with_interval(row["difference"], row["±"], sign=True)
    return f"{shown}{star} ({row['wins']:.2f})"


def _costs(results: Results) -> Iterator[str]:
    has_single = SINGLE_TASK in results.methods
    rows = []
    for method, row in costs(results).iterrows():
        rows.append(
            [
                str(method),
                f"{row['seconds']:.1f}",
                *([f"{row['of single task']:.2f}"] if has_single else []),
                *(f"{row[name]:.0f}" for name in ("steps", "forward_passes", "backward_passes")),
                f"{row['peak_memory'] / 2**20:.0f}",
                f"{row['parameters']:,.0f}",
            ]
        )
    heads = ["", "seconds", *(["of single task"] if has_single else [])]
    passes = ["steps", "forward passes", "backward passes"]
    yield from markdown_table([*heads, *passes, "peak memory, MiB", "parameters"], rows)
    yield "\nPasses are through the encoder."
    if has_single:
        yield "Single task is in sum over its networks."
    if TUNED in results.methods:
        yield f"'{TUNED}' contains its trials, divided among the seeds."


def _unfinished(results: Results) -> Iterator[str]:
    rows = results.runs[results.runs["state"] != "finished"]
    if len(rows):
        yield "\n## Runs without a result\n"
        yield from markdown_table(
            ["run", "seed", "state", "reason"],
            [
                [f"{row['method']} {row['part']}", str(row["seed"]), row["state"], row["reason"]]
                for _, row in rows.iterrows()
            ],
        )


def _provenance(results: Results, commands: Mapping[str, Sequence[str]]) -> Iterator[str]:
    folders = results.runs["folder"][results.runs["folder"] != ""]
    paths = [Path(folder) / PROVENANCE for folder in folders]
    texts = [path.read_text(encoding="utf-8") for path in paths if path.is_file()]
    origins = [yaml.safe_load(text) for text in texts]
    for name, tell in ORIGIN.items():
        # Runs may come from several machines.
        yield f"- {name}: {'; or '.join(dict.fromkeys(map(tell, origins)))}"
    yield f"- seeds: {', '.join(map(str, results.study.seeds))}"
    yield "\nEvery run's folder holds its whole configuration. The first seed's commands:\n"
    yield "```bash"
    first = f"seed {results.study.seeds[0]}"
    for title, arguments in commands.items():
        if title.endswith(first):
            yield shlex.join(["multitask", *arguments])
    yield "```"


def _commit(origin: Mapping[str, Any]) -> str:
    git = origin["git"] or {}
    return f"{git.get('commit', 'none')}{' with changes' if git.get('dirty') else ''}"


def _versions(origin: Mapping[str, Any]) -> str:
    named = ("torch", "lightning", "torchmetrics", "torchjd", "timm")
    packages = [f"{name} {origin['packages'].get(name, '?')}" for name in named]
    return ", ".join([f"Python {origin['python']}", *packages])


ORIGIN: dict[str, Callable[[Mapping[str, Any]], str]] = {
    "commit": _commit,
    "packages": _versions,
    "machine": lambda origin: ", ".join([origin["platform"], *origin["devices"]]),
}


def markdown_table(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> Iterator[str]:
    """A table's lines; the first column is text, the others are numbers.

    Args:
        heads: of the columns.
        rows: their cells.
    """
    yield "| " + " | ".join(heads) + " |"
    yield "|" + "|".join(["---", *["--:"] * (len(heads) - 1)]) + "|"
    for row in rows:
        yield "| " + " | ".join(each.replace("|", "/") for each in row) + " |"


def with_interval(value: float, half: float, sign: bool = False) -> str:
    """A number and half of its interval, with as many digits as say something.

    Args:
        value: the number; nothing is written for NaN.
        half: half of the interval, NaN where it is not known.
        sign: whether to write a plus.
    """
    if math.isnan(value):
        return ""
    shown = _number(value, sign)
    decimals = len(shown.partition(".")[2])
    return shown if math.isnan(half) else f"{shown} ± {half:.{decimals}f}"


def _number(value: float, sign: bool = False) -> str:
    if math.isnan(value):
        return ""
    decimals = max(0, 2 - math.floor(math.log10(abs(value)))) if value else 2
    return f"{value:{'+' if sign else ''}.{min(decimals, 5)}f}"


def _arrow(results: Results, task: str) -> str:
    return "↑" if results.higher_is_better[task] else "↓"


def _self_contained(text: str, folder: Path, title: str) -> str:
    body = markdown(text, extensions=["tables", "fenced_code"])

    def embedded(match: re.Match[str]) -> str:
        content = base64.b64encode((folder / match[1]).read_bytes()).decode()
        return f'src="data:image/png;base64,{content}"'

    body = re.sub(r'src="([^"]+\.png)"', embedded, body)
    head = f"<meta charset='utf-8'><title>{html.escape(title)}</title><style>{STYLE}</style>"
    return f"<!doctype html><html><head>{head}</head><body>{body}</body></html>\n"
