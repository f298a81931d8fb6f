"""Descriptions of functions, methods and classes, classified by package."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from pandas import DataFrame
from torch import Tensor

from multitask.data.base import DataModule
from multitask.data.dataset import BatchDataset, InMemory
from multitask.data.docstring_sources import (
    Docstring,
    fingerprint,
    package_version,
    read_packages,
)
from multitask.data.splitting import keep_labels_per_class, random_split
from multitask.errors import InputError, nearest
from multitask.tables.input_columns import InputColumns
from multitask.tokenizers import HashedWords, Tokenizer

TASKS = ("package", "arguments", "examples", "words")
PACKAGES = ("numpy", "pandas", "scipy", "sklearn", "matplotlib", "torch")
VALIDATION, TEST = 0.15, 0.25
"""Fractions of the source files."""
SAMPLES = 400
MEASURED = {
    "numpy": "2.4.6",
    "pandas": "3.1.1",
    "scipy": "1.17.1",
    "sklearn": "1.9.1",
    "matplotlib": "3.11.2",
    "torch": "2.15.0",
}
"""The versions for which docs/text.md was measured, and the resulting fingerprint."""
MEASURED_FINGERPRINT = "dd6edec5de92"


class Docstrings(DataModule):
    """Real text available without a download: docstrings of Python packages, 400 of each.

    Source files are read, not imported. A text is the description at the start of the docstring of
    a public function, method or class, up to its first section such as ``Parameters``; package
    names are replaced by ``it``. All texts of a source file are in one split: 60 % of the files are
    for training, 15 % for validation, 25 % for the test.

    Tasks: ``package`` (the classes are the packages), and properties that the text does not show:
    ``arguments`` (number of parameters of the function or the class's constructor; missing for a
    class without one), ``examples`` (lines that begin with ``>>>``) and ``words`` (number of words
    after the description).

    The data depend on the installed versions. A run's ``packages.csv`` lists them with a
    fingerprint of all texts and numbers; a remark is made if they differ from those for which
    docs/text.md was measured.

    Args:
        tasks: names of the targets to include in batches.
        packages: import names of installed packages.
        samples: most texts per package.
        labels_per_class: number of training texts of each class that keep their ``package``;
            default: all; the other targets are always known.
        tokenizer: tokenizer of the input ``text``, int32 ``[batch, places]``; default:
            `HashedWords` with 64 places.
        options: see `DataModule`.

    Raises:
        InputError: naming an unknown task, or a package that is not installed.
    """

    def __init__(
        self,
        tasks: Sequence[str] = TASKS,
        packages: Sequence[str] = PACKAGES,
        samples: int = SAMPLES,
        labels_per_class: int | None = 20,
        tokenizer: Tokenizer | None = None,
        **options: Any,
    ) -> None:
        super().__init__(**options)
        self.labelled_task = self.labelled_task or "package"
        for task in tasks:
            if task not in TASKS:
                raise InputError(f"tasks: Docstrings has no task '{task}'{nearest(task, TASKS)}")
        if len(set(packages)) < max(2, len(packages)):
            raise InputError(
                f"packages is {list(packages)}; give at least two different ones, each once"
            )
        if samples < 1:
            raise InputError(f"samples is {samples}; give at least 1")
        self.tasks, self.packages = list(tasks), list(packages)
        self.samples, self.labels_per_class = samples, labels_per_class
        self.tokenizer = HashedWords() if tokenizer is None else tokenizer
        self._found: dict[str, list[Docstring]] = {}
        self._texts: dict[str, list[Docstring]] = {}

    def load(self) -> dict[str, BatchDataset]:
        self._found = read_packages(tuple(self.packages), self.samples)
        self._remark()
        read = [each for own in self._found.values() for each in own]
        tokens = self.tokenizer([each.text for each in read]).tokens
        # Texts that differ only in capitalisation, or after their cut, look the same.
        looks = {row.numpy().tobytes(): place for place, row in reversed([*enumerate(tokens)])}
        kept = torch.tensor(sorted(looks.values()))
        tokens, texts = tokens[kept], [read[place] for place in kept.tolist()]
        sizes = torch.tensor([len(own) for own in self._found.values()])
        labels = torch.arange(len(sizes)).repeat_interleave(sizes)[kept]
        files = sorted({each.file for each in texts})
        place = {file: number for number, file in enumerate(files)}
        file_of = torch.tensor([place[each.file] for each in texts])
        targets = _targets(texts, labels)
        held_out = (round(VALIDATION * len(files)), round(TEST * len(files)))
        splits: dict[str, BatchDataset] = {}
        for split, chosen in random_split(len(files), *held_out, self.seed).items():
            rows = torch.isin(file_of, chosen).nonzero().flatten()
            own = {task: targets[task][rows] for task in self.tasks}
            if split == "train" and self.labels_per_class is not None and "package" in own:
                own["package"] = keep_labels_per_class(
                    own["package"], self.labels_per_class, self.seed
                )
            splits[split] = InMemory({"text": tokens[rows]}, own)
            self._texts[split] = [texts[row] for row in rows.tolist()]
        return splits

    def texts(self, split: str) -> dict[str, list[str]]:
        """The descriptions as read."""
        self.setup()
        return {"text": [each.text for each in self._texts[split]]}

    def written_inputs(self) -> dict[str, Any]:
        """How a new description is converted to tokens, by the same tokenizer."""
        return {"text": InputColumns(column="text", tokenizer=self.tokenizer)}

    def names(self, split: str) -> list[str]:
        """The origin of each text, such as ``numpy.lib._npyio_impl.load``."""
        self.setup()
        return [each.name for each in self._texts[split]]

    def class_names(self) -> dict[str, list[str]]:
        """The packages."""
        return {"package": self.packages} if "package" in self.tasks else {}

    def groups(self, split: str) -> tuple[str, list[Any]]:
        """The source files, because texts from one file are similar."""
        self.setup()
        return "source file", [each.file for each in self._texts[split]]

    def records(self) -> dict[str, DataFrame]:
        """``packages.csv``: version, number of texts and fingerprint of each package."""
        self.setup()
        rows = [
            (package, package_version(package), len(own), fingerprint({package: own}))
            for package, own in self._found.items()
        ]
        return {
            "packages.csv": DataFrame(rows, columns=["package", "version", "texts", "fingerprint"])
        }

    def _remark(self) -> None:
        is_measured = tuple(self.packages) == PACKAGES and self.samples == SAMPLES
        if not is_measured or fingerprint(self._found) == MEASURED_FINGERPRINT:
            return
        others = [
            f"{package} {version} instead of {MEASURED[package]}"
            for package in PACKAGES
            if (version := package_version(package)) != MEASURED[package]
        ]
        self.remarks.append(
            "Docstrings: the installed packages differ from those for which docs/text.md was "
            f"measured ({', '.join(others) or 'another version of Python'}), so results differ "
            "slightly from those of that page"
        )


def _targets(texts: Sequence[Docstring], labels: Tensor) -> dict[str, Tensor]:
    return {
        "package": labels,
        "arguments": torch.tensor([float(each.arguments) for each in texts]),
        "examples": torch.tensor([float(each.examples) for each in texts]),
        "words": torch.tensor([float(each.words) for each in texts]),
    }
