"""Fashion-MNIST, which comes in MNIST's format."""

from __future__ import annotations

from torchvision import datasets

from multitask.data.known.mnist import MNIST


class FashionMNIST(MNIST):
    """Pieces of clothing of 28x28 pixels (Xiao et al., 2017): 60 000 to train, 10 000 to test.

    Grey, bright on a dark ground. Task: ``class`` (10 classes, in the order of the set's names).
    """

    reader = datasets.FashionMNIST
