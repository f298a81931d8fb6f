"""Several data sets, each with labels of some of the tasks, trained together."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from itertools import combinations, pairwise
from typing import Any, Literal

import pandas as pd
from lightning.pytorch.utilities import rank_zero_warn
from pandas import DataFrame

from multitask.checkpoints.recipe import recipe
from multitask.data.base import DataModule
from multitask.data.dataset import BatchDataset
from multitask.data.faces import Face, Texts
from multitask.data.joined import Joined, common_kinds, joined_targets
from multitask.data.mixed_batches import MixedBatches
from multitask.data.sampling import GlobalBatches
from multitask.data.split_check import ALL_SPLITS, META, SPLIT_NAMES
from multitask.data.table import Table
from multitask.errors import InputError, nearest
from multitask.geometry import Geometry
from multitask.images.format import ImageFormat
from multitask.tables.cleaning import COLUMNS

Ratios = Literal["proportional", "equal"] | dict[str, float]
MAKERS = ("labelled_per_batch", "balanced_by", "by_length")
"""Settings that determine the content of batches."""


class Mixture(DataModule):
    """A multi-source data set, whose training batches mix samples of all sources.

    If a source does not have a task, the task's labels are missing there. Batches also hold
    ``@source`` ``[batch]``, int64: the index of each sample's source in ``sources``. Settings for
    batches belong here, not to a source: a source's ``batch_size`` and ``num_workers`` are ignored,
    and its transforms and augmentations are refused. The sources define how targets follow
    augmentations, unless ``geometry`` overrides it.

    Args:
        sources: the data sets by name. They must have the same inputs, each of one shape; if some
            images are uint8 and some floating, all are converted to floats.
        ratios: proportions of the sources in a training batch: ``proportional`` to their sizes,
            which gives random batches of all samples; ``equal``; or a number for each source, its
            relative share of every batch.
        options: see `DataModule`; ``labelled_per_batch``, ``balanced_by`` and ``by_length`` require
            ``proportional``. The seed determines the order of samples; the sources have their own
            seeds, or the run's seed.
    """

    divides_meta = True

    def __init__(
        self,
        sources: dict[str, DataModule],
        ratios: Ratios = "proportional",
        **options: Any,
    ) -> None:
        super().__init__(**options)
        if not sources:
            raise InputError("sources is empty; name at least one data set")
        if self.computed_targets:
            raise InputError(
                "computed is set on the Mixture, but targets are computed from the inputs of one "
                "data set; set it on the sources"
            )
        for name, source in sources.items():
            _check_source(name, source)
            if self.meta is not None and source.meta not in (None, self.meta):
                raise InputError(
                    f"source '{name}' sets meta to {source.meta:g}, but the Mixture to "
                    f"{self.meta:g}; set it in only one of them"
                )
        self.sources = dict(sources)
        self.ratios = _numbers(ratios, self.sources)
        for option in MAKERS:
            if self.ratios is not None and getattr(self, option) is not None:
                raise InputError(
                    f"{option} and ratios both determine what a batch contains; remove {option}, "
                    "or set ratios to proportional"
                )

    def prepare_data(self) -> None:
        """Download what each source needs."""
        for source in self.sources.values():
            source.prepare_data()

    def load(self) -> dict[str, BatchDataset]:
        for name, source in self.sources.items():
            try:
                # The images of all sources are compared with each other.
                source.is_looked_at = False
                if self.meta is not None:
                    source.meta = self.meta
                source.setup()
                if self.meta is not None and META not in source.splits:
                    raise InputError("it was loaded before the Mixture, so without its meta share")
            except InputError as error:
                own = f"data.init_args.sources.{name}.init_args."
                said = str(error).replace("data.init_args.", own)
                raise InputError(f"source '{name}': {said}") from error
        splits = {name: source.splits for name, source in self.sources.items()}
        _check_same_splits(splits)
        kinds = common_kinds(splits)
        return {
            split: Joined([each[split] for each in splits.values()], targets, kinds)
            for split, targets in joined_targets(splits).items()
        }

    def absent(self) -> set[str]:
        return super().absent().union(*(source.absent() for source in self.sources.values()))

    def own_geometry(self) -> dict[str, Geometry]:
        """The sources' geometry; a source need not define it for its own targets.

        Raises:
            InputError: if two sources disagree about a task.
        """
        self.setup()
        found: dict[str, tuple[str, Geometry]] = {}
        for name, source in self.sources.items():
            known = source.splits["train"].targets
            for task, geometry in source.geometry.items():
                if task not in known:
                    continue
                owner, other = found.setdefault(task, (name, geometry))
                if (type(geometry), vars(geometry)) != (type(other), vars(other)):
                    raise InputError(
                        f"sources: targets of task '{task}' follow an image's changes as "
                        f"{_described(other)} in source '{owner}' and as {_described(geometry)} in "
                        f"source '{name}'; use one geometry, or rename one of the tasks"
                    )
        return {task: geometry for task, (_, geometry) in found.items()}

    def image_format(self) -> ImageFormat | None:
        """The first source's image format."""
        return next(iter(self.sources.values())).image_format()

    def written_inputs(self) -> dict[str, Any]:
        """How inputs are converted, which must be the same for all sources.

        Raises:
            InputError: if two sources convert an input in different ways.
        """
        found: dict[str, tuple[str, Any]] = {}
        for source, data in self.sources.items():
            for name, own in data.written_inputs().items():
                first, made = found.setdefault(name, (source, own))
                if recipe(vars(own)) != recipe(vars(made)):
                    raise InputError(
                        f"sources '{first}' and '{source}' build the input '{name}' in different "
                        "ways; give both the same columns, categories and tokenizer"
                    )
        return {name: made for name, (_, made) in found.items()}

    def faces(self) -> dict[str, Face]:
        """The first source's faces of the common inputs; texts are known for all sources."""
        first = next(iter(self.sources.values())).faces()
        return {
            name: own if isinstance(own, Texts) else first[name]
            for name, own in super().faces().items()
        }

    def texts(self, split: str) -> dict[str, list[str]]:
        """Return the texts of the inputs for which all sources have them."""
        known = [source.texts(split) for source in self.sources.values()]
        names = [name for name in known[0] if all(name in each for each in known)]
        return {name: [text for each in known for text in each[name]] for name in names}

    def class_names(self) -> dict[str, list[str]]:
        """For a task of several sources, the class names of the source that has most.

        Raises:
            InputError: if two sources give a class different indices, or an index different
                classes, unless they have no name in common, as in two languages.
        """
        known = [(name, source.class_names()) for name, source in self.sources.items()]
        for (one, first), (two, second) in combinations(known, 2):
            for task in first:
                if task in second:
                    _check_classes(task, (one, first[task]), (two, second[task]))
        found: dict[str, list[str]] = {}
        for _, classes in known:
            for task, names in classes.items():
                found[task] = max(found.get(task, []), names, key=len)
        return found

    def element_names(self) -> dict[str, list[str]]:
        """For a task of several sources, the element names of the first source that has any."""
        found: dict[str, list[str]] = {}
        for source in self.sources.values():
            found = {**source.element_names(), **found}
        return found

    @property
    def skipped(self) -> DataFrame:
        """What was skipped in the sources that are tables, as listed by `multitask.data.Table`."""
        tables = [source.skipped for source in self.sources.values() if isinstance(source, Table)]
        return pd.concat(tables, ignore_index=True) if tables else DataFrame(columns=COLUMNS)

    def source_rows(self, split: str) -> dict[str, slice]:
        self.setup()
        joined = self.splits[split]
        assert isinstance(joined, Joined)
        ends = pairwise(joined.starts)
        return {name: slice(*each) for name, each in zip(self.sources, ends, strict=True)}

    def names(self, split: str) -> list[str] | None:
        """Return the name of each sample, prefixed with its source: ``<source>/<name>``.

        If only some sources have names, samples of the others are named by index.
        """
        self.setup()
        names = {name: source.names(split) for name, source in self.sources.items()}
        if all(each is None for each in names.values()):
            return None
        return [
            f"{name}/{each}"
            for name, known in names.items()
            for each in (known or range(len(self.sources[name].splits[split])))
        ]

    def tables(self) -> list[dict[str, Any]]:
        """How tables of the sources are read: one way for each source that is a table."""
        return [each for source in self.sources.values() for each in source.tables()]

    def records(self) -> dict[str, DataFrame]:
        """The sources' tables, each named ``<source>-<file>``."""
        return {
            f"{name}-{file}": table
            for name, source in self.sources.items()
            for file, table in source.records().items()
        }

    def _batches(self, split: BatchDataset, shuffle: bool) -> GlobalBatches:
        if not shuffle or self.ratios is None:
            return super()._batches(split, shuffle)
        sizes = [len(source.splits["train"]) for source in self.sources.values()]
        return MixedBatches(sizes, self.ratios, self.batch_size, self.seed, **self._processes())


def _check_source(name: str, source: DataModule) -> None:
    if not re.fullmatch(r"[A-Za-z][A-Za-z0-9_-]*", name):
        raise InputError(
            f"a source cannot be called '{name}'; use letters, digits, _ and -, starting with a "
            "letter"
        )
    kind = type(source)
    if isinstance(source, Mixture):
        raise InputError(f"source '{name}' is itself a Mixture; add its sources directly")
    for option in ("transforms", "augmentations"):
        if len(getattr(source, option)):
            raise InputError(
                f"source '{name}' sets {option}, but they apply to batches of several sources; "
                "set them on the Mixture"
            )
    for option in MAKERS:
        if getattr(source, option) is not None:
            raise InputError(
                f"source '{name}' sets {option}, but batches mix its samples with others; set "
                "it, or ratios, on the Mixture"
            )
    if kind.on_after_batch_transfer is not DataModule.on_after_batch_transfer:
        raise InputError(
            f"source '{name}': {kind.__name__} changes batches in on_after_batch_transfer, which "
            "would not be called; change the images in the split's `images`"
        )


def _check_same_splits(sources: Mapping[str, Mapping[str, BatchDataset]]) -> None:
    for one, two in combinations(sources, 2):
        for split in ALL_SPLITS:
            if (split in sources[one]) != (split in sources[two]):
                with_it, lacks = (one, two) if split in sources[one] else (two, one)
                raise InputError(
                    f"sources: '{with_it}' has a {SPLIT_NAMES[split]} set, but '{lacks}' has none; "
                    "give one to both or to neither"
                )


def _check_classes(task: str, first: tuple[str, list[str]], second: tuple[str, list[str]]) -> None:
    (one, names), (two, others) = first, second
    advice = "list all classes in the same order in both"
    for place, name in enumerate(others):
        if name in names and names.index(name) != place:
            raise InputError(
                f"sources: '{name}' is class {names.index(name)} of task '{task}' in source "
                f"'{one}' and class {place} in source '{two}'; {advice}"
            )
    if names and others and set(names).isdisjoint(others):
        rank_zero_warn(
            f"sources '{one}' and '{two}' have no class of task '{task}' in common, so their "
            f"classes are assumed to be the same in two languages: 0 is '{names[0]}' and "
            f"'{others[0]}'"
        )
        return
    for place, (name, other) in enumerate(zip(names, others, strict=False)):
        if name != other:
            raise InputError(
                f"sources: class {place} of task '{task}' is '{name}' in source '{one}' and "
                f"'{other}' in source '{two}'; {advice}"
            )


def _described(geometry: Geometry) -> str:
    settings = ", ".join(f"{name}={value!r}" for name, value in vars(geometry).items())
    return f"{type(geometry).__name__}({settings})"


def _numbers(ratios: Ratios, sources: Mapping[str, DataModule]) -> list[float] | None:
    """Return a number for each source, None if they are proportional to the sizes."""
    if ratios == "proportional":
        return None
    if ratios == "equal":
        return [1.0] * len(sources)
    if not isinstance(ratios, dict):
        raise InputError(
            f"ratios is {ratios!r}; give proportional, equal, or a number for each source"
        )
    for name, ratio in ratios.items():
        if name not in sources:
            raise InputError(f"ratios: there is no source '{name}'{nearest(name, sources)}")
        if not (math.isfinite(ratio) and ratio > 0):
            raise InputError(
                f"ratios: the ratio of source '{name}' is {ratio}; give a number above 0, or "
                "remove the source"
            )
    for name in sources:
        if name not in ratios:
            raise InputError(f"ratios: source '{name}' has none; give every source a number")
    return [float(ratios[name]) for name in sources]
