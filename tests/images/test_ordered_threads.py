"""Many items at once, their results in order."""

from __future__ import annotations

import time
from collections.abc import Iterator
from threading import Event, get_ident

import pytest

from multitask.images.ordered_threads import TOGETHER, in_order, usable_cores


@pytest.mark.parametrize("number", [0, 1, TOGETHER, 5 * TOGETHER + 3])
def test_results_come_in_order_whoever_is_done_first(number: int) -> None:
    def slow(item: int) -> int:
        time.sleep(0.001 * (item % 3))
        return item * item

    assert list(in_order(slow, range(number), 16)) == [item * item for item in range(number)]


def test_several_threads_work() -> None:
    def which(_: int) -> int:
        time.sleep(0.01)
        return get_ident()

    threads = set(in_order(which, range(8 * TOGETHER), 8 * TOGETHER))
    assert get_ident() not in threads
    assert len(threads) == min(8, usable_cores())


def test_no_more_is_begun_than_asked_for() -> None:
    begun = 0

    def items() -> Iterator[int]:
        nonlocal begun
        for item in range(100 * TOGETHER):
            begun += 1
            yield item

    results = in_order(lambda item: item, items(), 2 * TOGETHER)
    for taken in range(1, 50):
        assert next(results) == taken - 1
        assert begun <= taken + 3 * TOGETHER
    results.close()


def test_a_failure_ends_it_and_what_waits_is_not_begun() -> None:
    begun: list[int] = []
    failed = Event()

    def fails(item: int) -> int:
        begun.append(item)
        if item == 5:
            failed.set()
            raise ValueError("item 5")
        if item > 5:
            failed.wait(10)
            time.sleep(0.005)
        return item

    with pytest.raises(ValueError, match="item 5"):
        list(in_order(fails, range(10_000), 500))
    assert len(begun) < 100
