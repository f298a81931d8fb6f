"""Public data sets; one file each, based on torchvision's readers if available."""

from multitask.data.known.celeba import CelebA
from multitask.data.known.cifar10 import CIFAR10
from multitask.data.known.cifar100 import CIFAR100
from multitask.data.known.cityscapes import Cityscapes
from multitask.data.known.dsprites import DSprites
from multitask.data.known.fashion_mnist import FashionMNIST
from multitask.data.known.mnist import MNIST
from multitask.data.known.nyuv2 import NYUv2
from multitask.data.known.oxford_pets import OxfordPets
from multitask.data.known.pascal_voc import PascalVOC
from multitask.data.known.svhn import SVHN

__all__ = [
    "CIFAR10",
    "CIFAR100",
    "MNIST",
    "SVHN",
    "CelebA",
    "Cityscapes",
    "DSprites",
    "FashionMNIST",
    "NYUv2",
    "OxfordPets",
    "PascalVOC",
]
