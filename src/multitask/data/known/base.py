"""What public data sets have in common: where they lie, and how they get there."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from multitask.data.base import DataModule
from multitask.data.computed import ComputedTargets, part_seed
from multitask.data.dataset import BatchDataset
from multitask.data.known.part import Part
from multitask.errors import InputError
from multitask.geometry import Geometry
from multitask.images.file_lock import exclusive


class KnownData(DataModule, ABC):
    """A public data set in the files that it is published in; a set adds `read`.

    Args:
        root: the folder that torchvision calls root, in which the set has its own folder or files.
        download: download the set first where it is not there.
        computed: targets to compute from the images, in this order; see `ComputedTargets`.
        options: see `DataModule`.
    """

    cure = "delete the set's folder and set data.init_args.download to true"
    """What to do where a file of the set is damaged."""

    def __init__(
        self,
        root: Path = Path("data"),
        download: bool = False,
        computed: Sequence[ComputedTargets] = (),
        **options: Any,
    ) -> None:
        super().__init__(**options)
        self.root = Path(root).expanduser()
        self.download = download
        self.computed = list(computed)
        self._names: dict[str, list[str] | None] = {}
        self._classes: dict[str, list[str]] = {}

    @abstractmethod
    def read(self) -> dict[str, Part]:
        """Read the parts that the set comes in, by name, and the names of classes."""

    def divide(self, parts: Mapping[str, Part]) -> Mapping[str, Part]:
        """Make ``train``, ``val`` and ``test`` of the parts; they are the parts if not overridden.

        Args:
            parts: what `read` returned, with the computed targets.
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
        """How the computed targets follow; a set adds its own."""
        return {
            name: each for computed in self.computed for name, each in computed.geometry.items()
        }

    def fetched(self, reader: Callable[..., Any], **arguments: Any) -> Any:
        """Call a reader of torchvision, which downloads first where ``download`` says so.

        Args:
            reader: takes ``root`` and ``download``.
            arguments: of the reader besides these.

        Returns:
            What the reader returns.

        Raises:
            InputError: if the set is not there, not whole, or cannot be downloaded.
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
                f"{name} is not in '{self.root}', or not whole; set data.init_args.download to "
                "true to download it to there, or data.init_args.root to the folder that it is in"
            )
        return (
            f"{name} in '{self.root}' cannot be read ({reason or type(error).__name__}); delete "
            "its files and set data.init_args.download to true"
        )

    @contextmanager
    def _alone(self) -> Iterator[None]:
        """One process downloads; the others wait, and find the set there."""
        self.root.mkdir(parents=True, exist_ok=True)
        with exclusive(self.root / ".download.lock"):
            yield

    def _with_computed(self, samples: BatchDataset, part: str) -> BatchDataset:
        # Other draws for each part, whatever is held out of it later.
        seed = part_seed(self.seed, part)
        for computed in self.computed:
            samples = computed(samples, seed, self.geometry)
        return samples
