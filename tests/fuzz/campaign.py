"""Hypothesis as the engine: a fixed walk for every day, and a long one by hand.

``FUZZ_SECONDS`` is how long each target is attacked by hand, each time with other inputs; all kinds
of findings are then listed together. Without it, each target takes the same few inputs every time.
"""

from __future__ import annotations

import os
import tempfile
import time
import traceback
from collections.abc import Callable, Sequence
from itertools import count
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, configuration, given, seed, settings
from hypothesis.strategies import SearchStrategy

# It keeps tables of characters, which need not lie in the working folder.
configuration.set_hypothesis_home_dir(os.path.join(tempfile.gettempdir(), "hypothesis"))
SECONDS = float(os.environ.get("FUZZ_SECONDS", "0"))
FIRST_SEED = int(os.environ.get("FUZZ_SEED", time.time_ns() % 10**6))
AT_ONCE = 100
RULES: dict[str, Any] = {
    "deadline": None,
    # No folder `.hypothesis`; what was found is written into the tests.
    "database": None,
    "suppress_health_check": list(HealthCheck),
}
Check = Callable[[Any], object]


def attack(
    check: Check, inputs: SearchStrategy[Any], examples: int, past: Sequence[Any] = ()
) -> None:
    """Try inputs on a part of the program.

    Args:
        check: raises whatever is a finding.
        inputs: where they come from.
        examples: how many are tried every day.
        past: inputs that were findings once, which are always tried.
    """
    for each in past:
        check(each)
    if SECONDS:
        _long(check, inputs)
    else:
        _test(check, inputs, max_examples=examples, derandomize=True)()


def _test(check: Check, inputs: SearchStrategy[Any], **rules: Any) -> Callable[[], None]:
    def test(value: Any) -> None:
        check(value)

    return settings(**RULES, phases=[Phase.generate, Phase.shrink], **rules)(given(inputs)(test))


def _long(check: Check, inputs: SearchStrategy[Any]) -> None:
    findings: dict[str, tuple[Any, str]] = {}
    tried = 0

    def collected(value: Any) -> None:
        nonlocal tried
        if time.monotonic() > end:
            return
        tried += 1
        try:
            check(value)
        except (Exception, SystemExit) as error:
            place = traceback.extract_tb(error.__traceback__)[-1]
            kind = f"{type(error).__name__} at {place.filename}:{place.lineno}"
            if isinstance(error, AssertionError):
                kind = f"{error!s:.40}"
            findings.setdefault(kind, (value, f"{error!s:.600}"))

    end = time.monotonic() + SECONDS
    for number in count(FIRST_SEED):
        if time.monotonic() > end:
            break
        seed(number)(_test(collected, inputs, max_examples=AT_ONCE))()
    lines = [f"{kind}\n  {said}\n  {value!r:.1500}" for kind, (value, said) in findings.items()]
    print(f"{tried} inputs from seed {FIRST_SEED}, {len(findings)} kinds of findings", flush=True)
    if findings:
        pytest.fail("\n\n".join(lines), pytrace=False)
