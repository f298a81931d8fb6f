"""A head that returns a map at one stride."""

from __future__ import annotations

import pytest
import torch

from multitask.encoders import Maps, Vector
from multitask.errors import InputError
from multitask.heads import CentreHead


def test_it_reads_from_its_stride_on() -> None:
    head = CentreHead(Maps((3, 4, 5), (2, 4, 8)), 6, 4, width=12)
    maps = [torch.rand(2, 3, 12, 16), torch.rand(2, 4, 6, 8), torch.rand(2, 5, 3, 4)]
    assert head(maps).shape == (2, 6, 6, 8)
    head(maps).sum().backward()
    assert all(each.grad is not None for each in head.parameters())
    # Each image by itself.
    torch.testing.assert_close(head([each[:1] for each in maps]), head(maps)[:1])


def test_encoders_that_do_not_fit() -> None:
    with pytest.raises(InputError, match="stride is 4, but the encoder's maps have strides 2, 8"):
        CentreHead(Maps((3, 4), (2, 8)), 6)
    with pytest.raises(InputError, match="needs maps, but the encoder returns a vector"):
        CentreHead(Vector(5), 6)
