"""Samples with the same inputs."""

from __future__ import annotations

import torch
from torch import Tensor

from multitask.data.dataset import BatchDataset, InMemory
from multitask.data.duplicates import CHUNK, duplicates, input_hashes


def split(images: Tensor) -> BatchDataset:
    return InMemory(images, {})


def test_the_same_pixels_are_found_within_and_across_splits() -> None:
    generator = torch.Generator().manual_seed(0)
    images = torch.randint(256, (2 * CHUNK + 5, 3, 4, 4), dtype=torch.uint8, generator=generator)
    images[2 * CHUNK + 1] = images[1]
    other = images[5:8].clone()
    other[1, 0, 0, 0] ^= 1
    found, _ = duplicates({"train": split(images), "val": split(other), "test": split(images[:0])})
    assert [each.samples for each in found] == [
        [("train", 5), ("val", 0)],
        [("train", 7), ("val", 2)],
        [("train", 1), ("train", 2 * CHUNK + 1)],
    ]
    assert found[0].splits == ["train", "val"]


def test_images_of_another_shape_are_others() -> None:
    image = torch.zeros(1, 1, 4, 4)
    assert input_hashes(split(image)) != input_hashes(split(image.reshape(1, 1, 2, 8)))


def test_all_inputs_count() -> None:
    image = torch.zeros(3, 1, 4, 4)
    numbers = torch.tensor([[1.0, 2], [1, 3], [1, 2]])
    both = InMemory({"image": image, "numbers": numbers}, {})
    assert [each.samples for each in duplicates({"train": both})[0]] == [
        [("train", 0), ("train", 2)]
    ]


def test_no_more_than_a_chunk_is_read_at_a_time() -> None:
    class Watched(InMemory):
        most = 0

        def images(self, indices: Tensor) -> Tensor:
            self.most = max(self.most, len(indices))
            return super().images(indices)

    watched = Watched(torch.rand(3 * CHUNK, 1, 2, 2), {})
    assert len(duplicates({"train": watched})[0]) == 0
    assert watched.most == CHUNK
