"""Targets of any shape, in memory or read by batch."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from lightning.pytorch import Callback, Trainer
from torch import Tensor

from multitask import MultiTask
from multitask.data import DataModule, targets
from multitask.data.dataset import BatchDataset, InMemory
from multitask.data.rows import Rows
from multitask.data.targets import look_at, places_to_look_at
from multitask.errors import InputError
from multitask.missing_labels import MISSING_CLASS

TinyData = Callable[..., DataModule]


class Stored:
    """Maps that are made as they are read, and remember how many at a time."""

    def __init__(self, size: int, dtype: torch.dtype = torch.uint8) -> None:
        self.size, self.dtype, self.most = size, dtype, 0

    def __len__(self) -> int:
        return self.size

    def __getitem__(self, indices: Tensor) -> Tensor:
        self.most = max(self.most, len(indices))
        return indices.remainder(256).to(self.dtype).view(-1, 1, 1).expand(-1, 4, 4)


def test_stored_targets_are_judged_by_a_few_evenly_spaced() -> None:
    stored = Stored(1000)
    places = places_to_look_at(stored)
    assert len(places) == 256
    assert places[[0, -1]].tolist() == [0, 999]
    assert set(places.diff().tolist()) == {3, 4}
    found = look_at(stored)
    assert found.dtype == torch.int64
    expected = places.remainder(256)
    expected[expected == 255] = MISSING_CLASS
    assert torch.equal(found[:, 0, 0], expected)
    assert stored.most == 256
    assert len(look_at(Stored(1))) == 1


def test_tensors_are_judged_by_all(monkeypatch: pytest.MonkeyPatch) -> None:
    values = torch.rand(1000, 2)
    assert look_at(values) is values
    assert look_at(values.half()).dtype == torch.float32
    assert len(look_at(values.half())) == 1000
    monkeypatch.setattr(targets, "MOST_NUMBERS", 1999)
    assert len(look_at(values.half())) == 256
    assert look_at(values) is values


def test_rows_of_stored_targets_are_read_by_batch() -> None:
    stored = Stored(1000)
    data = Rows(InMemory(torch.rand(1000, 1, 4, 4), {"mask": stored}), torch.arange(100, 200))
    assert data[torch.tensor([5, 3])]["mask"][:, 0, 0].tolist() == [105, 103]
    assert stored.most == 2


def test_bytes_and_halves_become_what_tasks_take(tiny_data: TinyData) -> None:
    mask = torch.tensor([0, 7, 255], dtype=torch.uint8).repeat(8)
    changed = {split: {"mask": mask, "depth": mask.half()} for split in ("train", "val", "test")}
    data = tiny_data(changed)
    data.setup()
    batch = data.splits["train"][torch.arange(3)]
    assert batch["mask"].dtype == torch.uint8
    moved = data.on_after_batch_transfer(batch, 0)
    assert moved["mask"].tolist() == [0, 7, MISSING_CLASS]
    assert moved["mask"].dtype == torch.int64
    assert moved["depth"].dtype == torch.float32
    assert data.targets("train")["mask"].dtype == torch.int64
    assert data.targets("train", slice(1, 3))["mask"].tolist() == [7, MISSING_CLASS]


def test_labels_of_stored_targets_are_counted_a_few_at_a_time(tiny_data: TinyData) -> None:
    class OfSome(Stored):
        def __getitem__(self, indices: Tensor) -> Tensor:
            return torch.where(indices < 6, 0, 255).byte()

    data = tiny_data(
        {"train": {"mask": OfSome(24)}},  # type: ignore[dict-item]
        labelled_per_batch=2,
        labelled_task="mask",
    )
    for batch in data.train_dataloader():
        assert int((batch["index"] < 6).sum()) == 2


class Named(DataModule):
    """Numbers and tokens, and no images."""

    def load(self) -> dict[str, BatchDataset]:
        inputs = {"numbers": torch.rand(24, 20), "tokens": torch.arange(48).view(24, 2)}
        kinds = {"kind": torch.arange(24) % 3, "size": torch.rand(24)}
        return {split: InMemory(inputs, kinds) for split in ("train", "val", "test")}


def test_inputs_without_images() -> None:
    data = Named(batch_size=8, seed=0)
    batch = next(iter(data.train_dataloader()))
    moved = data.on_after_batch_transfer(batch, 0)
    assert set(moved) == {"numbers", "tokens", "index", "kind", "size", "@place"}
    first = 2 * batch["index"]
    assert torch.equal(moved["tokens"], torch.stack([first, first + 1], 1))
    faces = data.faces()
    assert faces["tokens"].show(torch.tensor([4, 5])) == "4, 5"
    shown = faces["numbers"].show(moved["numbers"][0])
    assert isinstance(shown, str)
    assert shown.endswith("... (20 in all)")
    assert len(shown.split(", ")) == 9


def test_augmentations_and_transforms_need_images() -> None:
    data = Named(transforms=[torch.nn.Identity()])
    with pytest.raises(InputError, match="Named has no input 'image'; remove them"):
        data.setup()


def test_inputs_must_be_as_many() -> None:
    with pytest.raises(InputError, match="'a': 3, 'b': 4.*the same number of samples"):
        InMemory({"a": torch.rand(3), "b": torch.rand(4)}, {})


def test_a_data_set_without_inputs_is_refused() -> None:
    class Nothing(BatchDataset):
        def __len__(self) -> int:
            return 1

    with pytest.raises(TypeError, match="Nothing has no inputs: define its method images"):
        Nothing({})


class Batches(Callback):
    """Keeps the training batches as the model gets them."""

    def __init__(self) -> None:
        self.seen: list[dict[str, Tensor]] = []

    def on_train_batch_start(
        self, trainer: object, pl_module: object, batch: dict[str, Tensor], batch_idx: int
    ) -> None:
        self.seen.append(batch)


def test_other_inputs_reach_the_model_beside_augmented_images(
    tiny_model: Callable[..., MultiTask], trainer: Callable[..., Trainer]
) -> None:
    from multitask.augmentation import RandomCrop
    from multitask.geometry import Unchanged

    class Both(DataModule):
        def load(self) -> dict[str, BatchDataset]:
            inputs = {"image": torch.rand(24, 1, 4, 4), "numbers": torch.rand(24, 5)}
            kinds = {"kind": torch.arange(24) % 3, "size": torch.rand(24)}
            return {split: InMemory(inputs, kinds) for split in ("train", "val", "test")}

    data = Both(batch_size=8, seed=0, augmentations=[RandomCrop(1)], geometry={"size": Unchanged()})
    batches = Batches()
    trainer(callbacks=[batches], limit_val_batches=0).fit(tiny_model(), data)
    for batch in batches.seen:
        inputs = data.splits["train"].inputs(batch["index"])
        assert torch.equal(batch["numbers"], inputs["numbers"])
        assert not torch.equal(batch["image"], inputs["image"])
