"""A setting in the environment counts or is refused."""

from __future__ import annotations

import pytest

from multitask.configuration.environment import check_environment
from multitask.errors import InputError


@pytest.mark.parametrize(
    "variables",
    [
        {},
        {"MPLBACKEND": ""},
        {"MPLBACKEND": "module://matplotlib_inline.backend_inline"},
        {"PL_TRAINER_MAX_EPOCHS": ""},
        {"PL_GLOBAL_SEED": "1"},
    ],
)
def test_what_does_no_harm_is_taken(variables: dict[str, str]) -> None:
    check_environment(variables)


@pytest.mark.parametrize("name", ["nonsense", "agg ", "no such backend", "module:/agg"])
def test_a_backend_that_matplotlib_does_not_know_is_refused(name: str) -> None:
    with pytest.raises(InputError, match=f"^MPLBACKEND is '{name}'.*set it to agg, or unset it"):
        check_environment({"MPLBACKEND": name})


def test_a_variable_of_the_trainer_is_refused() -> None:
    """Lightning would read it, but not if a configuration gives the Trainer all of its settings."""
    with pytest.raises(InputError, match=r"PL_TRAINER_MAX_EPOCHS .*--trainer\.max_epochs=3 in"):
        check_environment({"PL_TRAINER_MAX_EPOCHS": "3"})
