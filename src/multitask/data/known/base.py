"""The base class of public data sets: location and download of files."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from multitask.configuration.home_folders import home_expanded
from multitask.data.base import DataModule
from multitask.data.computed import ComputedTargets, part_seed
from multitask.data.dataset import BatchDataset
from multitask.data.known.part import Part
from multitask.errors import InputError
from multitask.geometry import Geometry
from multitask.images.file_lock import exclusive


class KnownData(DataModule, ABC):
    """A public data set in its published files; a subclass implements `read`.

    Args:
        root: the root folder as defined by torchvision, which contains the data set's folder or
            files.
        download: whether to download the data set if it does not exist.
        computed: targets to compute from the images, in this order; see `ComputedTargets`.
        options: see `DataModule`.
    """

    cure = "delete the set's folder and set data.init_args.download to true"
    """What to do if a file of the data set is damaged."""

    def __init__(
        self,
        root: Path = Path("data"),
        download: bool = False,
        computed: Sequence[ComputedTargets] = (),
        **options: Any,
    ) -> None:
        super().__init__(**options)
        self.root = home_expanded(root)
        self.download = download
        self.computed = list(computed)
        self._names: dict[str, list[str] | None] = {}
        self._classes: dict[str, list[str]] = {}

    @abstractmethod
    def read(self) -> dict[str, Part]:
        """Read the parts of the data set by name, and the names of classes."""

    def divide(self, parts: Mapping[str, Part]) -> Mapping[str, Part]:
        """Make ``train``, ``val`` and ``test`` from the parts; by default, return the parts.

        Args:
            parts: the result of `read`, with the computed targets.
        """
        return parts

    def load(self) -> dict[str, BatchDataset]:
        parts = {
            name: replace(part, samples=self._with_computed(part.samples, name))
            for name, part in self.read().items()
        }
        splits = self.divide(parts)
        self._names = {
            split: None if part.names is None else list(part.names)
            for split, part in splits.items()
        }
        return {split: part.samples for split, part in splits.items()}

    def names(self, split: str) -> list[str] | None:
        self.setup()
        return self._names[split]

    def class_names(self) -> dict[str, list[str]]:
        self.setup()
        return self._classes

    def own_geometry(self) -> dict[str, Geometry]:
        """The geometry of the computed targets; a subclass adds its own."""
        return {
            name: each for computed in self.computed for name, each in computed.geometry.items()
        }

    def fetched(self, reader: Callable[..., Any], **arguments: Any) -> Any:
        """Call a torchvision reader, which downloads the data first if ``download`` is set.

        Args:
            reader: callable that accepts ``root`` and ``download``.
            arguments: further arguments of the reader.

        Returns:
            The reader's result.

        Raises:
            InputError: if the data set does not exist, is incomplete, or cannot be downloaded.
        """
        try:
            if not self.download:
                return reader(root=str(self.root), download=False, **arguments)
            with self._alone():
                return reader(root=str(self.root), download=True, **arguments)
        except FileNotFoundError:
            raise
        except (RuntimeError, OSError, AssertionError, ValueError, EOFError) as error:
            raise InputError(self._sentence(error)) from error

    def _sentence(self, error: Exception) -> str:
        name, reason = type(self).__name__, " ".join(str(error).split())
        if self.download:
            return f"{name} could not be downloaded to '{self.root}': {reason}"
        if "not found" in reason:
            return (
                f"{name} is not in '{self.root}', or incomplete; set data.init_args.download to "
                "true to download it, or data.init_args.root to the folder that contains it"
            )
        return (
            f"{name} in '{self.root}' cannot be read ({reason or type(error).__name__}); delete "
            "its files and set data.init_args.download to true"
        )

    @contextmanager
    def _alone(self) -> Iterator[None]:
        """Download in one process; the others wait, and then find the data set."""
        self.root.mkdir(parents=True, exist_ok=True)
        with exclusive(self.root / ".download.lock"):
            yield

    def _with_computed(self, samples: BatchDataset, part: str) -> BatchDataset:
        # Different draws for each part, regardless of what is held out of it later.
        seed = part_seed(self.seed, part)
        for computed in self.computed:
            samples = computed(samples, seed, self.geometry)
        return samples
