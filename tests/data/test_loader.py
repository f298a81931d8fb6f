"""BatchLoader: the batches, and going on in the middle of an epoch."""

from __future__ import annotations

from itertools import islice

import pytest
import torch

from multitask.data.dataset import InMemory
from multitask.data.loader import BatchLoader
from multitask.data.sampling import GlobalBatches

SIZE, BATCHES = 22, 5


def loader(num_workers: int = 0, epoch: int = 0) -> BatchLoader:
    images = torch.arange(SIZE, dtype=torch.float32).view(-1, 1, 1, 1).expand(-1, 1, 2, 2)
    dataset = InMemory(images, {"double": 2 * torch.arange(SIZE)})
    made = BatchLoader(dataset, GlobalBatches(SIZE, 4, 0, shuffle=True), num_workers)
    made.sampler.set_epoch(epoch)
    return made


def taken(made: BatchLoader, count: int | None = None) -> list[list[int]]:
    return [batch["index"].tolist() for batch in islice(made, count)]


@pytest.mark.parametrize("num_workers", [0, 2])
def test_batches_are_the_samplers_and_hold_image_index_and_targets(num_workers: int) -> None:
    made = loader(num_workers)
    assert len(made) == BATCHES
    for epoch in range(2):
        made.sampler.set_epoch(epoch)
        found = list(made)
        expected = made.sampler.global_batches(epoch)
        assert [each["index"].tolist() for each in found] == [each.tolist() for each in expected]
        for number, batch in enumerate(found):
            first = 4 * (BATCHES * epoch + number)
            assert batch["@place"].tolist() == list(range(first, first + 4))
            assert set(batch) == {"image", "index", "@place", "double"}
            assert batch["image"].shape == (4, 1, 2, 2)
            assert batch["image"][:, 0, 0, 0].tolist() == batch["index"].tolist()
            assert batch["double"].tolist() == (2 * batch["index"]).tolist()


@pytest.mark.parametrize("num_workers", [0, 2])
def test_resumes_in_the_middle_and_then_goes_on_with_whole_epochs(num_workers: int) -> None:
    first, second = loader(epoch=1), loader(num_workers)
    head = taken(first, 2)
    state = first.state_dict()
    assert state == {"epoch": 1, "taken": 2}
    second.load_state_dict(state)
    second.sampler.set_epoch(1)
    rest = list(second)
    assert head + [each["index"].tolist() for each in rest] == taken(loader(epoch=1))
    first = 4 * (BATCHES + 2)
    assert torch.cat([each["@place"] for each in rest]).tolist() == list(range(first, first + 12))
    assert second.state_dict() == {"epoch": 1, "taken": BATCHES}
    second.sampler.set_epoch(2)
    assert taken(second) == taken(loader(epoch=2))


def test_resumed_loader_counts_the_batches_of_both() -> None:
    made = loader()
    made.load_state_dict({"epoch": 0, "taken": 2})
    assert taken(made, 1) == taken(loader())[2:3]
    assert made.state_dict() == {"epoch": 0, "taken": 3}


def test_state_does_not_change_with_the_loader() -> None:
    made = loader()
    taken(made, 2)
    state = made.state_dict()
    taken(made)
    assert state["taken"] == 2


@pytest.mark.parametrize("num_workers", [0, 2])
def test_abandoned_iteration_does_not_shift_the_next(num_workers: int) -> None:
    made = loader(num_workers)
    iterator = iter(made)
    next(iterator), next(iterator)
    assert taken(made) == taken(loader())
    assert made.state_dict()["taken"] == BATCHES


def test_state_of_another_epoch_is_ignored() -> None:
    made = loader(epoch=1)
    made.load_state_dict({"epoch": 0, "taken": 3})
    assert taken(made) == taken(loader(epoch=1))


def test_state_is_used_once() -> None:
    made = loader()
    made.load_state_dict({"epoch": 0, "taken": 3})
    assert len(taken(made)) == BATCHES - 3
    assert len(taken(made)) == BATCHES


def test_loading_does_not_touch_the_global_random_state() -> None:
    before = torch.get_rng_state()
    taken(loader())
    assert torch.equal(before, torch.get_rng_state())


def test_only_a_random_order_has_places() -> None:
    made = BatchLoader(InMemory(torch.zeros(6, 1, 1, 1), {}), GlobalBatches(6, 4, 0, shuffle=False))
    assert [set(batch) for batch in made] == [{"image", "index"}] * 2
