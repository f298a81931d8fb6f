"""What a person may ask for."""

from __future__ import annotations

import pytest

from multitask.after.adapting.plan import LEARNERS, Plan, read_plan
from multitask.configuration.written_arguments import gathered
from multitask.errors import InputError


def test_reads_what_is_written() -> None:
    assert read_plan("20,1,5,5", "10", "all") == Plan([1, 5, 20], 10, list(LEARNERS), None, False)
    assert read_plan("3", "1", "50", "HeadOnly") == Plan([3], 1, ["HeadOnly"], 50, True)


@pytest.mark.parametrize(
    ("written", "words"),
    [
        (("1,a", "10", "1"), "--shots is a; give a whole number, 1 or more"),
        (("0", "10", "1"), "--shots is 0; give a whole number"),
        (("1", "-3", "1"), "--episodes is -3; give a whole number"),
        (("1", "1", "some"), "--samples is some; give a whole number, 1 or more, or all"),
        (("1", "1", "1", "Prototype"), "no learner 'Prototype'; did you mean 'Prototypes'?"),
        (("1", "1", "1", ","), "--learners is empty; choose from HeadOnly"),
    ],
)
def test_refuses_in_one_sentence(written: tuple[str, ...], words: str) -> None:
    with pytest.raises(InputError) as refused:
        read_plan(*written)
    assert words in str(refused.value)


def test_several_values_follow_an_option(tmp_path: object) -> None:
    typed = ["run", "--shots", "1", "5", "--episodes", "3", "--learners=A", "B", str(tmp_path)]
    found = gathered(typed, ("shots", "learners"))
    assert found == ["run", "--shots=1,5", "--episodes=3", "--learners=A,B", str(tmp_path)]
