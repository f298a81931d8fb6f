"""CIFAR-10."""

from __future__ import annotations

import torch
from torchvision import datasets

from multitask.data.dataset import InMemory
from multitask.data.known.classified import Classified
from multitask.data.known.part import Part


class CIFAR10(Classified):
    """Colour photographs of 32x32 pixels (Krizhevsky, 2009): 50 000 training, 10 000 test images.

    Task: ``class`` (10 classes, in the original order).
    """

    def read(self) -> dict[str, Part]:
        return {part: self._part(part == "train") for part in ("train", "test")}

    def _part(self, train: bool) -> Part:
        source = self.fetched(datasets.CIFAR10, train=train)
        self._classes["class"] = list(source.classes)
        images = torch.from_numpy(source.data).permute(0, 3, 1, 2).contiguous()
        return Part(InMemory(images, {"class": torch.tensor(source.targets)}))
