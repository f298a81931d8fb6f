"""MNIST."""

from __future__ import annotations

from typing import Any

from torchvision import datasets

from multitask.data.dataset import InMemory
from multitask.data.known.classified import Classified
from multitask.data.known.part import Part


class MNIST(Classified):
    """Handwritten digits of 28x28 pixels (LeCun et al., 1998): 60 000 training, 10 000 test images.

    Grey, bright on a dark background. Task: ``class`` (10 classes, the digits).
    """

    reader: Any = datasets.MNIST

    def read(self) -> dict[str, Part]:
        return {part: self._part(part == "train") for part in ("train", "test")}

    def _part(self, train: bool) -> Part:
        source = self.fetched(type(self).reader, train=train)
        self._classes["class"] = list(source.classes)
        return Part(InMemory(source.data.unsqueeze(1), {"class": source.targets}))
