"""Fashion-MNIST, in MNIST's format."""

from __future__ import annotations

from torchvision import datasets

from multitask.data.known.mnist import MNIST


class FashionMNIST(MNIST):
    """Clothing of 28x28 pixels (Xiao et al., 2017): 60 000 training, 10 000 test images.

    Grey, bright on a dark background. Task: ``class`` (10 classes, in the original order).
    """

    reader = datasets.FashionMNIST
