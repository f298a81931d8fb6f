"""The DataModule that all data sets share."""

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


class DataModule(NumbersChecked, DataDescription, LightningDataModule, ABC):
    """Splits, order, loaders and batches; a data set adds `load`.

    A batch is a dictionary: each input by its name, such as ``image`` ``[batch, channels, height,
    width]``, ``index`` ``[batch]`` and one entry for each task, NaN (floating) or -100 (class
    numbers) where a target is missing. Images of training batches are augmented, each sample by
    random numbers of its own. Images become floats from 0 to 1 and pass the transforms as a whole
    batch. Both happen on the model's device. Floating inputs get the parameters' dtype, such as
    float32; others are left as they are.

    Args:
        batch_size: samples in a global batch; each process takes its share.
        labelled_per_batch: samples in a training batch that have a label of ``labelled_task``;
            default: all samples in random order.
        labelled_task: the task with few labels that ``labelled_per_batch`` counts.
        transforms: torchvision transforms of whole batches of images, without randomness.
        num_workers: loading processes.
        seed: seed of the data, their order and augmentation; default: the run's own
            seed (``seed_everything``).
        augmentations: random changes of training images and texts, in the order in which they act.
        geometry: how targets follow where an augmentation moves what the images show, by task; it
            takes the place of what the data set says by itself.
        balanced_by: a task of classes, each of which comes equally often in the training batches;
            default: all samples in random order.
        without: the sets to leave out, ``test``, ``val`` or both. Without validation the
            last checkpoint is the result.
        meta: share of the training samples, between 0 and 1, that are kept out of training, as the
            split ``meta``, for a balancer that learns the tasks' weights by them; groups stay
            together. Default: none.
        image_as: name of a task whose target is the image itself, see
            `multitask.tasks.Reconstruction`. It moves as augmentations move the image, and is what
            the image was before their other changes, such as colours and erased parts. Default:
            none.
        computed: targets to compute from the inputs, in this order, such as
            `multitask.data.computed.MaskedTokens`.
        by_length: number of training batches, such as 50, among which samples are sorted by the
            length of their texts, so that a batch holds texts about as long and little padding;
            default: all samples in random order.
    """

    divides_meta = False
    """Whether `load` itself keeps the share ``meta`` out of the training samples."""

    deals_episodes = False
    """Whether a batch holds episodes, see `multitask.data.episodes.entries`."""

    is_looked_at = True
    """Whether people are told what is odd about images and texts, such as one in two splits."""

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
        """The transforms as a configuration told them; None if they were made in Python."""
        self.training_images: Hashes | None = None
        """A number for each training image, or text of data without images, by which it is known
        again; None if not looked at."""

    @abstractmethod
    def load(self) -> dict[str, BatchDataset]:
        """Make or read the splits ``train``, ``val`` and ``test``, the same for the same seed.

        A split that ``without`` names is left out. A data set that comes with a split ``meta``
        returns that too.
        """

    def setup(self, stage: str | None = None) -> None:
        """Load the splits once, on every process, and warn of what a person would notice."""
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
                    f"transforms change images, but {kind} has no input 'image'; leave them out"
                )
            self.splits = with_meta(self, splits)
            check_kind(train, type(self).__name__)
            if is_first_process():
                self.remarks += look(self) if self.is_looked_at else ()
                for each in self.remarks:
                    warnings.warn(each, DataRemark, stacklevel=1)

    def absent(self) -> set[str]:
        """The sets that the settings leave out."""
        return set(self.without)

    def cure_of_leaks(self, groups: Sequence[Duplicates], name: str = "image") -> str:
        """What to do if images or texts are in several splits.

        Args:
            groups: the samples of each of them.
            name: of the input.
        """
        return "leave each out of all splits but one"

    def targets(self, split: str, rows: slice = slice(None)) -> dict[str, Tensor]:
        """The targets of a split, by task, by which to judge all, as tasks take them.

        Args:
            split: ``train``, ``val`` or ``test``.
            rows: the samples that are meant; all by default.

        Returns:
            First axis ``[samples]``: all targets that lie in memory as tasks take them. Of those
            that are read by batch, and of large ones that are stored as bytes or halves, 256
            samples at most, evenly spaced: see `multitask.data.targets.places_to_look_at`.
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
        """Choose the training samples that are kept out as ``meta``.

        At random, by whole groups where the samples have `groups`. A data set that takes its
        validation samples in another way does the same here.

        Args:
            share: of the samples in ``self.splits["train"]``, between 0 and 1.

        Returns:
            The places of those that stay and of those kept out, each int64 and ascending.

        Raises:
            InputError: if none would stay, or none be kept out.
        """
        found = self.groups("train")
        groups = [None] * len(self.splits["train"]) if found is None else found[1]
        return keep_out(group_numbers([groups])[0], share, self.seed)

    def held_out_batch(self, split: str, number: int, tasks: tuple[str, ...] = ()) -> Batch:
        """One of the batches, in random order without end, of samples that are not trained on.

        It is not augmented, and depends on the seed and its number alone.

        Args:
            split: ``meta`` or ``val``.
            number: which of the batches, from 0 on.
            tasks: only samples with a label of one of these tasks; default: any sample.

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
        """Batches in a new random order in each epoch."""
        batches = self._training_batches()
        if len(self.augmentations):
            # What cannot work is to be told before training.
            targets = self.splits["train"].targets
            self.augmentations(self._placed(torch.arange(1)), self.geometry, targets)
        return self._loader("train", batches)

    def val_dataloader(self) -> BatchLoader | list[BatchLoader]:
        """Every validation sample once; no loader if there is no validation set."""
        self.setup()
        return self._loader("val", self._all_batches("val")) if "val" in self.splits else []

    def test_dataloader(self) -> BatchLoader:
        """Every test sample once."""
        return self._loader("test", self._all_batches("test"))

    def predict_dataloader(self) -> BatchLoader:
        """The test samples."""
        return self.test_dataloader()

    def augmented(self, indices: Tensor) -> Batch:
        """Training samples as augmentations and transforms may change them, to try or to look at.

        Args:
            indices: the samples' indices, shape ``[batch]``, int64.
        """
        return self.on_after_batch_transfer(self._placed(indices), 0)

    def on_after_batch_transfer(self, batch: Batch, dataloader_idx: int) -> Batch:
        """Augment a training batch and transform any, on the device that it has arrived at.

        Targets that travel as bytes or halves become what tasks take.
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
        # Lightning has converted the batch's floats by now, to what the model has.
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
                f"{type(self).__name__} needs the file {error.filename}, which is not there"
            ) from error

    def _loader(self, split: str, batches: GlobalBatches) -> BatchLoader:
        on_gpu = self.trainer is not None and self.trainer.strategy.root_device.type == "cuda"
        return BatchLoader(self.splits[split], batches, self.num_workers, pin_memory=on_gpu)

    def _training_batches(self) -> GlobalBatches:
        self.setup()
        split = self.splits["train"]
        if self.batch_size > len(split):
            raise InputError(
                f"batch_size is {self.batch_size}, but there are only {len(split)} training "
                f"samples; set it to {len(split)} or less"
            )
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
                "there is no meta set: keep a share of the training samples out of training for it "
                "with data.init_args.meta=0.2"
            )
        if name not in self.splits:
            raise InputError(
                f"there is no {SPLIT_NAMES[name]} set: the data's settings leave it out; change "
                "them (without, or split), or give data that have one"
            )
        return self.splits[name]

    def _batches(self, split: BatchDataset, shuffle: bool) -> GlobalBatches:
        return GlobalBatches(len(split), self.batch_size, self.seed, shuffle, **self._processes())

    def _labelled(self, split: BatchDataset) -> Tensor:
        name = self.labelled_task
        if name is None or name not in split.targets:
            raise InputError(
                f"labelled_task is {name!r}; with labelled_per_batch, name the task that it counts"
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
    if num_workers < 0:
        raise InputError(f"num_workers is {num_workers}; give 0 or more")
    if meta is not None and not 0 < meta < 1:
        raise InputError(
            f"meta is {meta}; give a share of the training samples, between 0 and 1, or leave it "
            "out"
        )


def _check_makers(makers: Mapping[str, str | int | None]) -> None:
    """Refuse settings of which each says what a batch is made of, by name."""
    given = [name for name, each in makers.items() if each is not None]
    if len(given) > 1:
        raise InputError(
            f"{given[0]} and {given[1]} both say what a batch is made of; leave one of them out"
        )
    length = makers["by_length"]
    if isinstance(length, int) and length < 1:
        raise InputError(f"by_length is {length}; give at least 1, such as 50")
