"""Values that jsonargparse alone would read in another way."""

from __future__ import annotations

import pytest

from multitask.cli.parser import Parser


class Limited:
    """Takes a number of batches, or a share of them."""

    def __init__(self, most: float | int | None = None) -> None:
        self.most = most


@pytest.mark.parametrize(
    ("written", "read"), [("1", 1), ("0", 0), ("-3", -3), ("1.0", 1.0), ("0.5", 0.5), ("1e3", 1e3)]
)
def test_a_whole_number_stays_one_in_whatever_order_a_type_was_written(
    written: str, read: float
) -> None:
    parser = Parser()
    parser.add_class_arguments(Limited, "limit")
    for found in (
        parser.parse_args([f"--limit.most={written}"]).limit.most,
        parser.parse_string(f"limit: {{most: {written}}}").limit.most,
    ):
        assert found == read
        assert type(found) is type(read)
