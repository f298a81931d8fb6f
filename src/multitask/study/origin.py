"""How to repeat a report's runs: commits, packages, machines, seeds, commands."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

from multitask.pages.blocks import Block, Bullets, Commands, Paragraph, Section
from multitask.pages.words import counted
from multitask.runs.folder import PROVENANCE
from multitask.study.results import Results


def origin(results: Results, commands: Mapping[str, Sequence[str]]) -> Iterator[Block]:
    """The section with this information.

    Args:
        results: results of the study.
        commands: the arguments that reproduce each run, by its title.
    """
    folders = results.runs["folder"][results.runs["folder"] != ""]
    paths = [Path(folder) / PROVENANCE for folder in folders]
    origins = [found for path in paths if (found := _read(path))]
    yield Section("How to reproduce this", _answer(origins, len(folders)))
    # The runs may have been trained on several machines.
    lines = [
        f"{name}: {'; or '.join(dict.fromkeys(map(tell, origins)))}"
        for name, tell in ORIGIN.items()
    ]
    yield Bullets([*lines, f"seeds: {', '.join(map(str, results.study.seeds))}"])
    yield Paragraph(
        "Every run's folder contains its whole configuration. The first seed's commands:"
    )
    first = f"seed {results.study.seeds[0]}"
    yield Commands(
        [
            shlex.join(["multitask", *arguments])
            for title, arguments in commands.items()
            if title.endswith(first)
        ]
    )


def _answer(origins: Sequence[Mapping[str, Any]], runs: int) -> str:
    commits = {_commit(each) for each in origins}
    machines = {ORIGIN["machine"](each) for each in origins}
    if not origins:
        return "It is not known what the runs were made with: their folders do not record it."
    changed = any((each["git"] or {}).get("dirty") for each in origins)
    of = (
        "without a Git repository"
        if commits == {"none"}
        else f"of {counted(len(commits), 'commit')}"
        f"{', with changes that were not committed' if changed else ''}"
    )
    lacking = runs - len(origins)
    rest = f"; {counted(lacking, 'run')} did not record it" if lacking else ""
    kinds = counted(len(machines), "kind of machine", "kinds of machine")
    return f"{counted(len(origins), 'run')} {of}, on {kinds}{rest}."


def _read(path: Path) -> dict[str, Any] | None:
    try:
        found = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, yaml.YAMLError):
        # The numbers are equally valid without it.
        return None
    return found if isinstance(found, dict) and {"git", "packages"} <= found.keys() else None


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
