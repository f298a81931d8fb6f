"""The base class of all data sets."""

from __future__ import annotations

import os
import warnings
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import Any, Literal

import torch
from lightning.pytorch import LightningDataModule
from torch import Tensor, nn

from multitask.augmentation import Augmentation, AugmentationSequence
from multitask.augmentation.draws import PLACE
from multitask.configuration.number_check import NumbersChecked
from multitask.data.class_balance import ClassBalanced, classes_of
from multitask.data.computed import ComputedTargets, part_seed
from multitask.data.data_description import DataDescription
from multitask.data.dataset import Batch, BatchDataset
from multitask.data.duplicates import Duplicates, Hashes
from multitask.data.geometry_check import check_geometry
from multitask.data.group_numbers import group_numbers
from multitask.data.image_targets import with_images
from multitask.data.kept_out import has_label, keep_out, rows_with_labels, with_meta
from multitask.data.length_batches import ByLength, text_lengths
from multitask.data.loader import BatchLoader
from multitask.data.look import DataRemark, check_kind, look
from multitask.data.random_transforms import refuse_random
from multitask.data.sampling import GlobalBatches, LabelledAndUnlabelled
from multitask.data.split_check import META, SPLIT_NAMES, check_splits
from multitask.data.targets import as_tasks_see, example, look_at, rows_of
from multitask.distributed import is_first_process
from multitask.errors import InputError, nearest
from multitask.geometry import Geometry, PixelMap
from multitask.tokenizers import cut_to_longest, is_text

MOST_WORKERS = 1024
"""Maximum number of loading processes of a training process: more would fill any machine."""


class DataModule(NumbersChecked, DataDescription, LightningDataModule, ABC):
    """Provides splits, sampling order, loaders and batches; a data set implements `load`.

    A batch is a dictionary: each input by name, such as ``image`` ``[batch, channels, height,
    width]``, ``index`` ``[batch]`` and one entry per task, with NaN (floating) or -100 (class
    indices) for missing targets. Images of training batches are augmented with random numbers drawn
    per sample. Images are converted to floats from 0 to 1, and the transforms are applied to the
    whole batch. Both happen on the model's device. Floating inputs are converted to the dtype of
    the parameters, such as float32; other inputs are left unchanged.

    Args:
        batch_size: number of samples in a global batch, which is divided among the processes.
        labelled_per_batch: number of samples in a training batch that have a label of
            ``labelled_task``; default: all samples in random order.
        labelled_task: the task with few labels that ``labelled_per_batch`` refers to.
        transforms: deterministic torchvision transforms, applied to whole batches of images.
        num_workers: number of loading processes.
        seed: seed for generating, ordering and augmenting the data; default: the seed of the run
            (``seed_everything``).
        augmentations: random changes of training images and texts, in the order of application.
        geometry: how targets follow if an augmentation moves image content, by task; overrides the
            geometry that the data set defines.
        balanced_by: a classification task whose classes occur equally often in the training
            batches; default: all samples in random order.
        without: the sets to omit: ``test``, ``val`` or both. Without validation, the last
            checkpoint is the result.
        meta: fraction of the training samples, between 0 and 1, that is held out of training as the
            split ``meta``, for a balancer that learns task weights from it; groups stay together.
            Default: none.
        image_as: name of a task whose target is the image itself, see
            `multitask.tasks.Reconstruction`. The target follows augmentations that move the image,
            but not other changes, such as colours and erased parts. Default: none.
        computed: targets to compute from the inputs, in this order, such as
            `multitask.data.computed.MaskedTokens`.
        by_length: number of training batches, such as 50, in which samples are sorted by the length
            of their texts, so that each batch holds texts of similar length with little padding;
            default: all samples in random order.
    """

    divides_meta = False
    """Whether `load` itself holds the fraction ``meta`` out of the training samples."""

    deals_episodes = False
    """Whether batches hold episodes, see `multitask.data.episodes.entries`."""

    is_looked_at = True
    """Whether to report problems with images and texts, such as duplicates across splits."""

    def __init__(
        self,
        batch_size: int = 64,
        labelled_per_batch: int | None = None,
        labelled_task: str | None = None,
        transforms: Sequence[nn.Module] = (),
        num_workers: int = 0,
        seed: int | None = None,
        augmentations: Sequence[Augmentation] = (),
        geometry: dict[str, Geometry] | None = None,
        balanced_by: str | None = None,
        without: Sequence[Literal["val", "test"]] = (),
        meta: float | None = None,
        image_as: str | None = None,
        computed: Sequence[ComputedTargets] = (),
        by_length: int | None = None,
    ) -> None:
        super().__init__()
        _check_sizes(batch_size, num_workers, meta)
        _check_makers(
            {
                "balanced_by": balanced_by,
                "labelled_per_batch": labelled_per_batch,
                "by_length": by_length,
            }
        )
        refuse_random(transforms)
        self.batch_size = batch_size
        self.labelled_per_batch = labelled_per_batch
        self.labelled_task = labelled_task
        self.balanced_by = balanced_by
        self.transforms = nn.Sequential(*transforms)
        self.num_workers = num_workers
        self.seed = int(os.environ.get("PL_GLOBAL_SEED", 0)) if seed is None else seed
        self.augmentations = AugmentationSequence(augmentations, self.seed)
        self.given_geometry = geometry or {}
        self.without, self.meta, self.image_as = tuple(without), meta, image_as
        self.computed_targets = list(computed)
        self.by_length = by_length
        self.splits: dict[str, BatchDataset] = {}
        self.remarks: list[str] = []
        self._labelled_rows: dict[tuple[str, tuple[str, ...]], Tensor] = {}
        self.recipe_of_transforms: list[Any] | None = None
        """The transforms as configured; None if they were built in Python."""
        self.training_images: Hashes | None = None
        """A number for each training image, or text if there are no images, by which it is
        recognised; None if the images were not read."""

    @abstractmethod
    def load(self) -> dict[str, BatchDataset]:
        """Create or read the splits ``train``, ``val`` and ``test``, identical for the same seed.

        Splits named by ``without`` are omitted. A data set that has a split ``meta`` returns it
        too.
        """

    def setup(self, stage: str | None = None) -> None:
        """Load the splits once, on every process, and warn of problems."""
        if not self.splits:
            splits = {name: self._computed(each, name) for name, each in self._load().items()}
            check_splits(splits, type(self).__name__, self.without, self.absent())
            if self.image_as is not None:
                with_images(splits, self.image_as)
            train = splits["train"]
            first = {name: example(targets) for name, targets in train.targets.items()}
            check_geometry(self.given_geometry, first)
            inputs, kind = train.inputs(torch.tensor([0])), type(self).__name__
            self.augmentations.check_inputs(inputs, kind)
            if len(self.transforms) and "image" not in inputs:
                raise InputError(
                    f"transforms change images, but {kind} has no input 'image'; remove them"
                )
            self.splits = with_meta(self, splits)
            check_kind(train, type(self).__name__)
            if is_first_process():
                self.remarks += look(self) if self.is_looked_at else ()
                for each in self.remarks:
                    warnings.warn(each, DataRemark, stacklevel=1)

    def absent(self) -> set[str]:
        """The splits that the settings omit."""
        return set(self.without)

    def cure_of_leaks(self, groups: Sequence[Duplicates], name: str = "image") -> str:
        """Explain what to do if images or texts occur in several splits.

        Args:
            groups: the samples that share each image or text.
            name: name of the input.
        """
        return "keep each in only one split"

    def targets(self, split: str, rows: slice = slice(None)) -> dict[str, Tensor]:
        """Return the targets of a split that represent all of them, by task, as tasks receive them.

        Args:
            split: ``train``, ``val`` or ``test``.
            rows: the samples to return; default: all.

        Returns:
            First axis ``[samples]``: all targets that are stored in memory in the form that tasks
            receive. Of targets that are read by batch, and of large ones stored as bytes or half
            precision, at most 256 samples, evenly spaced: see
            `multitask.data.targets.places_to_look_at`.
        """
        samples = self._split(split)
        if rows == slice(None):
            return {name: look_at(targets) for name, targets in samples.targets.items()}
        meant = torch.arange(len(samples))[rows]
        return {name: look_at(rows_of(each, meant)) for name, each in samples.targets.items()}

    @property
    def geometry(self) -> dict[str, Geometry]:
        """How targets follow, by task."""
        found: dict[str, Geometry] = {} if self.image_as is None else {self.image_as: PixelMap()}
        for computed in self.computed_targets:
            found |= computed.geometry
        return {**found, **self.own_geometry(), **self.given_geometry}

    def keep_out(self, share: float) -> tuple[Tensor, Tensor]:
        """Choose the training samples that are held out as ``meta``.

        They are chosen at random, by whole groups if the samples have `groups`. A data set that
        selects its validation samples differently uses the same method here.

        Args:
            share: fraction of the samples in ``self.splits["train"]``, between 0 and 1.

        Returns:
            The indices of the remaining samples and of those held out, each int64 and ascending.

        Raises:
            InputError: if no samples would remain, or none would be held out.
        """
        found = self.groups("train")
        groups = [None] * len(self.splits["train"]) if found is None else found[1]
        return keep_out(group_numbers([groups])[0], share, self.seed)

    def held_out_batch(self, split: str, number: int, tasks: tuple[str, ...] = ()) -> Batch:
        """Return one of an infinite sequence of random batches of samples not trained on.

        The batch is not augmented and depends only on the seed and its number.

        Args:
            split: ``meta`` or ``val``.
            number: index of the batch, from 0.
            tasks: only use samples with a label of one of these tasks; default: any sample.

        Returns:
            This process's share, on the CPU.

        Raises:
            InputError: if there is no such split, or it has too few such samples.
        """
        processes = self._processes()
        if (split, tasks) not in self._labelled_rows:
            samples, count = self._split(split), processes.get("world_size", 1)
            cure = "make the set larger"
            if split == META and self.meta is not None:
                cure = f"raise data.init_args.meta, which is {self.meta:g}, or label more samples"
            self._labelled_rows[split, tasks] = rows_with_labels(samples, split, tasks, count, cure)
        rows = self._labelled_rows[split, tasks]
        size = min(self.batch_size, len(rows))
        batches = GlobalBatches(len(rows), size, self.seed, True, **processes)
        own = batches.share(*divmod(number, len(batches)))
        return self._split(split)[rows[own]]

    def train_dataloader(self) -> BatchLoader:
        """Return batches in a new random order in each epoch."""
        batches = self._training_batches()
        if len(self.augmentations):
            # Report what cannot work before training starts.
            targets = self.splits["train"].targets
            self.augmentations(self._placed(torch.arange(1)), self.geometry, targets)
        return self._loader("train", batches)

    def val_dataloader(self) -> BatchLoader | list[BatchLoader]:
        """Return every validation sample once; no loader if there is no validation set."""
        self.setup()
        return self._loader("val", self._all_batches("val")) if "val" in self.splits else []

    def test_dataloader(self) -> BatchLoader:
        """Return every test sample once."""
        return self._loader("test", self._all_batches("test"))

    def predict_dataloader(self) -> BatchLoader:
        """Return the test samples."""
        return self.test_dataloader()

    def augmented(self, indices: Tensor) -> Batch:
        """Return training samples with augmentations and transforms applied, to test or view.

        Args:
            indices: indices of the samples, shape ``[batch]``, int64.
        """
        return self.on_after_batch_transfer(self._placed(indices), 0)

    def on_after_batch_transfer(self, batch: Batch, dataloader_idx: int) -> Batch:
        """Augment a training batch, and transform any batch, on the model's device.

        Targets transferred as bytes or half precision are converted to the form that tasks receive.
        """
        targets = self.splits["train"].targets if self.splits else {}
        if len(self.augmentations) and PLACE in batch:
            batch = self.augmentations(batch, self.geometry, targets)
        batch = {**batch, **{name: as_tasks_see(batch[name]) for name in targets if name in batch}}
        precision = self._precision()
        for name, values in batch.items():
            if name not in targets and values.is_floating_point():
                batch[name] = values.to(precision)
            elif name not in targets and is_text(values):
                batch[name] = cut_to_longest(values)
        if "image" in batch:
            image = batch["image"]
            if image.dtype == torch.uint8:
                image = image.to(precision).div_(255)
            batch["image"] = self.transforms(image)
        return batch

    def _precision(self) -> torch.dtype:
        # By now Lightning has converted the batch's floats to the model's precision.
        model = self.trainer.lightning_module if self.trainer else None
        kinds = (each.dtype for each in model.parameters()) if model else iter(())
        return next((kind for kind in kinds if kind.is_floating_point), torch.float32)

    def _placed(self, indices: Tensor) -> Batch:
        self.setup()
        return {**self.splits["train"][indices], PLACE: torch.arange(len(indices))}

    def _computed(self, samples: BatchDataset, part: str) -> BatchDataset:
        for computed in self.computed_targets:
            samples = computed(samples, part_seed(self.seed, part), self.geometry)
        return samples

    def _load(self) -> dict[str, BatchDataset]:
        try:
            return self.load()
        except FileNotFoundError as error:
            raise InputError(
                f"{type(self).__name__} needs the file {error.filename}, which does not exist"
            ) from error

    def _loader(self, split: str, batches: GlobalBatches) -> BatchLoader:
        on_gpu = self.trainer is not None and self.trainer.strategy.root_device.type == "cuda"
        return BatchLoader(self.splits[split], batches, self.num_workers, pin_memory=on_gpu)

    def refuse_idle_processes(self, processes: int) -> None:
        """Refuse a training in which some processes would never get a sample.

        Args:
            processes: number of processes that share each batch.

        Raises:
            InputError: if a batch has fewer samples.
        """
        if processes > self.batch_size:
            raise InputError(
                f"{processes} processes share each batch, but batch_size is {self.batch_size}; set "
                f"it to {processes} or more, or start fewer processes (trainer.devices)"
            )

    def _training_batches(self) -> GlobalBatches:
        self.setup()
        split = self.splits["train"]
        if self.batch_size > len(split):
            raise InputError(
                f"batch_size is {self.batch_size}, but there are only {len(split)} training "
                f"samples; set it to {len(split)} or less"
            )
        self.refuse_idle_processes(self._processes().get("world_size", 1))
        if self.balanced_by is not None:
            classes = classes_of(split.targets, self.balanced_by, len(split))
            return ClassBalanced(classes, self.batch_size, self.seed, **self._processes())
        if self.by_length is not None:
            lengths, window = text_lengths(split), self.by_length
            return ByLength(lengths, window, self.batch_size, self.seed, **self._processes())
        if self.labelled_per_batch is None:
            return self._batches(split, shuffle=True)
        return LabelledAndUnlabelled(
            self._labelled(split),
            self.batch_size,
            self.labelled_per_batch,
            self.seed,
            **self._processes(),
        )

    def _all_batches(self, split: str) -> GlobalBatches:
        return self._batches(self._split(split), shuffle=False)

    def _split(self, name: str) -> BatchDataset:
        self.setup()
        if name == META and META not in self.splits:
            raise InputError(
                "there is no meta set; hold out a share of the training samples for it "
                "with data.init_args.meta=0.2"
            )
        if name not in self.splits:
            raise InputError(
                f"there is no {SPLIT_NAMES[name]} set, because the data settings exclude it; "
                "change them (without, or split), or use data that have one"
            )
        return self.splits[name]

    def _batches(self, split: BatchDataset, shuffle: bool) -> GlobalBatches:
        return GlobalBatches(len(split), self.batch_size, self.seed, shuffle, **self._processes())

    def _labelled(self, split: BatchDataset) -> Tensor:
        name = self.labelled_task
        if name is None or name not in split.targets:
            raise InputError(
                f"labelled_task is {name!r}; labelled_per_batch needs the name of the task to count"
                f"{nearest(str(name), split.targets)}"
            )
        return has_label(split.targets[name])

    def _processes(self) -> dict[str, Any]:
        if self.trainer is None:
            return {}
        return {"rank": self.trainer.global_rank, "world_size": self.trainer.world_size}


def _check_sizes(batch_size: int, num_workers: int, meta: float | None) -> None:
    if batch_size < 1:
        raise InputError(f"batch_size is {batch_size}; give at least 1")
    if not 0 <= num_workers <= MOST_WORKERS:
        raise InputError(f"num_workers is {num_workers}; give a number from 0 to {MOST_WORKERS}")
    if meta is not None and not 0 < meta < 1:
        raise InputError(
            f"meta is {meta}; give a share of the training samples, between 0 and 1, or remove it"
        )


def _check_makers(makers: Mapping[str, str | int | None]) -> None:
    """Refuse more than one of the settings that determine the content of batches, by name."""
    given = [name for name, each in makers.items() if each is not None]
    if len(given) > 1:
        raise InputError(
            f"{given[0]} and {given[1]} both determine what a batch contains; remove one of them"
        )
    length = makers["by_length"]
    if isinstance(length, int) and length < 1:
        raise InputError(f"by_length is {length}; give at least 1, such as 50")
