"""Street View House Numbers."""

from __future__ import annotations

import torch
from torchvision import datasets

from multitask.data.dataset import InMemory
from multitask.data.known.classified import Classified
from multitask.data.known.part import Part


class SVHN(Classified):
    """Digits of house numbers, 32x32 pixels in colour (Netzer et al., 2011).

    73 257 training, 26 032 test images; the 531 131 additional, easier images (``extra``) are not
    used. Task: ``class`` (10 classes, the digits; class 10 in the files is the digit 0).
    """

    def read(self) -> dict[str, Part]:
        return {part: self._part(part) for part in ("train", "test")}

    def _part(self, part: str) -> Part:
        source = self.fetched(datasets.SVHN, split=part)
        images = torch.from_numpy(source.data).contiguous()
        return Part(InMemory(images, {"class": torch.from_numpy(source.labels)}))
