"""CIFAR-100, with both levels of classes."""

from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any

import torch
from torchvision import datasets

from multitask.data.dataset import InMemory
from multitask.data.known.classified import Classified
from multitask.data.known.part import Part


class CIFAR100(Classified):
    """Colour photographs of 32x32 pixels (Krizhevsky, 2009): 50 000 training, 10 000 test images.

    Tasks: ``class`` (100 classes) and ``coarse_class`` (20 groups of five classes each), both in
    the original order.
    """

    def read(self) -> dict[str, Part]:
        return {part: self._part(part) for part in ("train", "test")}

    def _part(self, part: str) -> Part:
        source = self.fetched(datasets.CIFAR100, train=part == "train")
        # torchvision, which has just checked and read these files, omits the coarse classes.
        folder = Path(source.root, source.base_folder)
        coarse = _read(folder / part)["coarse_labels"]
        names = _read(folder / source.meta["filename"])
        self._classes = {
            "class": names["fine_label_names"],
            "coarse_class": names["coarse_label_names"],
        }
        images = torch.from_numpy(source.data).permute(0, 3, 1, 2).contiguous()
        targets = {"class": torch.tensor(source.targets), "coarse_class": torch.tensor(coarse)}
        return Part(InMemory(images, targets))


def _read(path: Path) -> dict[str, Any]:
    with path.open("rb") as file:
        return pickle.load(file, encoding="latin1")
