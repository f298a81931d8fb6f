"""Files that belong to images are called like them if they can be."""

from __future__ import annotations

import pytest

from multitask.images.file_stems import file_stems


@pytest.mark.parametrize(
    ("names", "stems"),
    [
        (["a/x.jpg", "b/y.jpg"], ["x", "y"]),
        (["a/x.jpg", "b/x.png"], ["0", "1"]),
        (["x.jpg", "X.jpg"], ["0", "1"]),
        (["x.jpg", "é" * 126], ["0", "1"]),
        ([], []),
    ],
)
def test_no_two_images_have_files_of_one_name(names: list[str], stems: list[str]) -> None:
    assert file_stems(names) == stems


def test_images_without_files_may_have_any_name() -> None:
    assert file_stems(["x.jpg", "x.jpg", ""], [True, False, False]) == ["x", "x", ""]
